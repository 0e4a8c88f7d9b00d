/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/tap-filter.h"

#include <errno.h>

#include "kernel/filter-drop.h"
#include "model/group.h"
#include "model/network-filter.h"
#include "util/cleanup.h"

DEFINE_CLEANUP(Netlink, netlink_close)

#define TABLE NETWORK_TABLE_PREFIX TAP_FILTER_NAME

#define PRIORITY_BRIDGE -300 /* before br_netfilter, as those of networks */
#define PRIORITY_INET   -450 /* before defragmentation and connection tracking */
#define PRIORITY_ARP    -300

static int install_reserved(Netlink *netlink, Failure *failure) {
        const FilterMatch matches[] = {
                filter_match_group(TAP_GROUP_KIND_MASK, TAP_GROUP_BRIDGED, false),
                {
                                .field = FILTER_DESTINATION_MAC,
                                .mask = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0 },
                                .value = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x00 },
                },
        };
        const FilterDrop drop = {
                .table = TABLE,
                .hook = FILTER_BRIDGE_PREROUTING,
                .priority = PRIORITY_BRIDGE,
                .matches = matches,
                .n_matches = sizeof(matches) / sizeof(*matches),
        };

        return filter_drop_install(netlink, &drop, failure);
}

/* What comes by a bridge has the bridge's group here, and a network's bridge has the same first byte. */
static int install_lost(Netlink *netlink, Failure *failure) {
        const FilterMatch matches[] = {
                filter_match_group(TAP_GROUP_KIND_MASK, TAP_GROUP_BRIDGED, false),
                filter_match_group(UINT32_MAX, NETWORK_GROUP, true),
        };
        FilterDrop drop = {
                .table = TABLE,
                .hook = FILTER_INET_PREROUTING,
                .priority = PRIORITY_INET,
                .matches = matches,
                .n_matches = sizeof(matches) / sizeof(*matches),
        };
        int r = filter_drop_install(netlink, &drop, failure);

        if (r < 0)
                return r;
        drop.hook = FILTER_ARP_INPUT;
        drop.priority = PRIORITY_ARP;
        return filter_drop_install(netlink, &drop, failure);
}

/* A transaction that failed for such a reason has changed nothing. */
static bool is_transient(int r) {
        return r == -ENOMEM || r == -ENOBUFS || r == -EMFILE || r == -ENFILE || r == -EINTR ||
                        r == -EAGAIN;
}

static void note(unsigned *stand, TapFilter filter, int r) {
        if (r >= 0)
                *stand |= filter;
        else if (!is_transient(r))
                *stand &= ~(unsigned)filter;
}

int tap_filter_install(unsigned *stand, Failure *failure) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        int r, reserved, lost;

        r = netlink_open(&netlink, NETLINK_NETFILTER);
        if (r < 0) {
                note(stand, TAP_FILTER_ALL, r);
                return r;
        }
        lost = install_lost(netlink, failure);
        reserved = install_reserved(netlink, failure);
        note(stand, TAP_FILTER_LOST, lost);
        note(stand, TAP_FILTER_RESERVED, reserved);
        return reserved < 0 ? reserved : lost < 0 ? lost : 0;
}
