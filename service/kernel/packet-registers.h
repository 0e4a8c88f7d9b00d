/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Evaluates an nf_tables expression on the registers, for a packet of which not everything is
 * known: a rule is a sequence of expressions, which load something of the packet into a register,
 * change it, and compare it. Verdicts and sets are left to kernel/packet-fate.
 */

#include <netlink/attr.h>

#include "kernel/packet.h"

typedef struct Registers {
        Known bytes; /* from NFT_REG_1, or NFT_REG32_00, on */
} Registers;

/* The byte at which a register begins, by its number in an attribute; KNOWN_SIZE_MAX: there is no
 * such register. */
size_t registers_offset(struct nlattr *number);

/* Loads NFTA_DATA_VALUE of the attribute into a register. */
void registers_load_data(Registers *registers, struct nlattr *number, struct nlattr *data);

/* Whether the rule goes on after this expression. The answer is also maybe for an expression that
 * is not known here; all registers are unknown after it. data: its NFTA_EXPR_DATA; NULL: it has
 * none. */
Truth registers_step(
                Registers *registers, const Packet *packet, const char *name, struct nlattr *data);
