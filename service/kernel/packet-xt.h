/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the extensions of iptables would say about a packet. iptables-nft embeds them in nf_tables
 * rules as they are, as opaque bytes that only the extension understands: here are those that
 * firewalls commonly use. For any other the answer is maybe.
 */

#include "kernel/packet.h"

/* revision and info as the rule has them. */
Truth packet_xt_match(const Packet *packet, const char *name, unsigned revision, const void *info,
                size_t size);

typedef enum PacketXtTarget {
        PACKET_XT_CONTINUES, /* it records or changes something, and the next rule follows */
        PACKET_XT_ACCEPTS,
        PACKET_XT_DROPS,
        PACKET_XT_UNKNOWN,
        PACKET_XT_TARGET_MAX,
} PacketXtTarget;

PacketXtTarget packet_xt_target(const char *name);
