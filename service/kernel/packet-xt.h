/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the extensions of iptables would say of a packet. iptables-nft leaves them in the rules of
 * nf_tables as they were, as bytes that only they understand: here are those that firewalls are
 * made of. Of any other the answer is maybe.
 */

#include "kernel/packet.h"

/* revision and info as the rule has them. */
Truth packet_xt_match(const Packet *packet, const char *name, unsigned revision, const void *info,
                size_t size);

typedef enum PacketXtTarget {
        PACKET_XT_CONTINUES, /* it notes or changes something, and the next rule follows */
        PACKET_XT_ACCEPTS,
        PACKET_XT_DROPS,
        PACKET_XT_UNKNOWN,
        PACKET_XT_TARGET_MAX,
} PacketXtTarget;

PacketXtTarget packet_xt_target(const char *name);
