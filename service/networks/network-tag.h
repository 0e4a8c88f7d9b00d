/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The record of a network: a line in the alias of its bridge, which only CAP_NET_ADMIN can write.
 * It holds all settings of the network, so that after a restart the network is adopted from the
 * kernel alone. Like the tag of a tap (taps/tag) it is parsed strictly: text that differs from what
 * network_tag_format() writes, or wrote up to 0.1.0, is not a tag.
 *
 *     vnicd-net:1 kind=nat kept address=10.70.3.1/24,fd70:3::1/64 dhcp=no guests-isolated
 *     ports-max=20 domain=lab.internal guard-ipv6 fwd=2,3                           (in one line)
 *
 * The words are those of common/network-fields.h, in its order, without "=yes"; fields that have
 * their default are left out. "kept": the network stays until it is deleted. "ipv6=none": an IPv6
 * address was wanted, but the host has no IPv6. "guard-ipv6": IPv6 is forwarded only for networks.
 * "fwd": see NetworkUplinks. The bridge itself has the name and the MTU. Up to 0.1.0 every field
 * was written, and some had other words:
 *
 *     vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 v4=10.70.3.1/24 v6=fd70:3::1/64
 *     ports=1023 each=1023 domain=vnicbr0.internal guard=1 own fwd=2,3              (in one line)
 *
 * Such a tag is still read, and is replaced when the tag has to be written for another reason.
 *
 * A bridge has the group of networks from its first moment, and the tag a moment later: one that
 * has the group and no alias is a network whose creation was interrupted.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/network-plan.h"
#include "kernel/link.h"
#include "networks/group.h"

#define NETWORK_TAG_SIZE LINK_ALIAS_SIZE

#define NETWORK_UPLINKS_MAX 4

/* Devices on which forwarding was switched on for it, and which do not say so themselves
 * (networks/uplinks.h). */
typedef struct NetworkUplinks {
        int ifindexes[NETWORK_UPLINKS_MAX];
        size_t n;
} NetworkUplinks;

typedef struct NetworkTag {
        NetworkPlan plan;
        bool kept;     /* until somebody deletes it; else as long as it is used */
        bool guard_v6; /* the host did not forward IPv6 before: it is to forward for networks only
                        */
        NetworkUplinks uplinks;
} NetworkTag;

/* Into buffer, which it returns. */
const char *network_tag_format(const NetworkTag *tag, char buffer[static NETWORK_TAG_SIZE]);

/* Removes the last uplinks until the tag with them fits into an alias. The longest tag has room for
 * one uplink, and for four if their ifindexes are below 10000. */
void network_tag_fit_uplinks(const NetworkTag *tag, NetworkUplinks *uplinks);

/* name and mtu: those of the bridge. -EINVAL: not a tag. */
int network_tag_parse(const char *text, const char *name, uint32_t mtu, NetworkTag *ret);

/* Whether the link is a network's bridge. -ENOMSG: it is not ours. -EBADMSG: it is one of ours that
 * was left half made. */
int network_tag_of_link(const LinkInfo *link, NetworkTag *ret);
