/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an expression of nf_tables does with the registers, for a packet of which not everything is
 * known: a rule is a row of expressions, which load something of the packet into a register, change
 * it, and compare it. Those that end a rule, and sets, are for kernel/packet-fate.
 */

#include <netlink/attr.h>

#include "kernel/packet.h"

typedef struct Registers {
        Known bytes; /* the first of NFT_REG_1, or NFT_REG32_00, and on */
} Registers;

/* The byte at which a register begins, by its number in an attribute; KNOWN_SIZE_MAX: there is no
 * such register. */
size_t registers_offset(struct nlattr *number);

/* NFTA_DATA_VALUE of the attribute, written into a register. */
void registers_load_data(Registers *registers, struct nlattr *number, struct nlattr *data);

/* Whether the rule goes on after this expression; maybe also for what is not known here, after
 * which nothing is known of any register. data: its NFTA_EXPR_DATA; NULL: it has none. */
Truth registers_step(
                Registers *registers, const Packet *packet, const char *name, struct nlattr *data);
