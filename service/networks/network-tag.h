/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The record of a network: a line in the alias of its bridge, which only CAP_NET_ADMIN can write.
 * All that makes the network is in it, so that after a restart it is taken up from the kernel
 * alone. Like that of a tap (taps/tag) it is read strictly: what is not exactly what
 * network_tag_format() writes, or wrote up to 0.1.0, is none.
 *
 *     vnicd-net:1 kind=nat kept address=10.70.3.1/24,fd70:3::1/64 dhcp=no guests-isolated
 *     ports-max=20 domain=lab.internal guard-ipv6 fwd=2,3                           (in one line)
 *
 * The words are those of common/network-fields.h, in its order, without "=yes"; what has its
 * default is left out. "kept": until somebody deletes it. "ipv6=none": the host could give no IPv6
 * address, though one was wanted. "guard-ipv6": IPv6 is forwarded for networks only. "fwd": see
 * NetworkUplinks. Name and MTU are the bridge's own. Up to 0.1.0 all of it was written, and some by
 * other words:
 *
 *     vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 v4=10.70.3.1/24 v6=fd70:3::1/64
 *     ports=1023 each=1023 domain=vnicbr0.internal guard=1 own fwd=2,3              (in one line)
 *
 * Such a tag is read for ever, and becomes a tag of today when it is written for another reason.
 *
 * A bridge has our group from its first moment and the tag a moment later: with the group and no
 * alias it is one of ours that was left half made.
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

/* Takes the last uplinks away until a tag with the rest of them has room in an alias. The longest
 * tag has room for one, and for four if their ifindexes are below 10000. */
void network_tag_fit_uplinks(const NetworkTag *tag, NetworkUplinks *uplinks);

/* name and mtu: those of the bridge. -EINVAL: not a tag. */
int network_tag_parse(const char *text, const char *name, uint32_t mtu, NetworkTag *ret);

/* Whether the link is a network's bridge. -ENOMSG: it is not ours. -EBADMSG: it is one of ours that
 * was left half made. */
int network_tag_of_link(const LinkInfo *link, NetworkTag *ret);
