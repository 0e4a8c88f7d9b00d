/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tap-filter.h"

#include <errno.h>

#include "kernel/filter-drop.h"
#include "networks/group.h"
#include "networks/network-filter.h"
#define TABLE NETWORK_TABLE_PREFIX TAP_FILTER_NAME

#define PRIORITY_BRIDGE -300 /* before br_netfilter, as those of networks */
#define PRIORITY_INET   -450 /* before defragmentation and connection tracking */
#define PRIORITY_ARP    -300

static int install_reserved(Netlink *netlink, Failure *failure) {
        const FilterMatch reserved[] = {
                filter_match_group(TAP_GROUP_BRIDGED_MASK, TAP_GROUP_BRIDGED_BITS, false),
                {
                                .field = FILTER_DESTINATION_MAC,
                                .mask = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0 },
                                .value = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x00 },
                },
        };
        const FilterMatch held[] = {
                filter_match_group(TAP_GROUP_KIND_MASK, TAP_GROUP_HELD, false),
        };
        const FilterDropRule rules[] = {
                { reserved, sizeof(reserved) / sizeof(*reserved) },
                { held, sizeof(held) / sizeof(*held) },
        };
        const FilterDrop drop = {
                .table = TABLE,
                .hook = FILTER_BRIDGE_PREROUTING,
                .priority = PRIORITY_BRIDGE,
                .rules = rules,
                .n_rules = sizeof(rules) / sizeof(*rules),
        };

        return filter_drop_install(netlink, &drop, failure);
}

/* Frames from a bridge have the bridge's group here, and the first byte of NETWORK_GROUP is one of
 * taps. */
static int install_lost(Netlink *netlink, Failure *failure) {
        const FilterMatch matches[] = {
                filter_match_group(TAP_GROUP_BRIDGED_MASK, TAP_GROUP_BRIDGED_BITS, false),
                filter_match_group(UINT32_MAX, NETWORK_GROUP, true),
        };
        const FilterDropRule rule = { matches, sizeof(matches) / sizeof(*matches) };
        FilterDrop drop = {
                .table = TABLE,
                .hook = FILTER_INET_PREROUTING,
                .priority = PRIORITY_INET,
                .rules = &rule,
                .n_rules = 1,
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

int tap_filter_install(Netlink *netlink, unsigned which, unsigned *stand, Failure *failure) {
        int reserved = 0, lost = 0;

        if (which & TAP_FILTER_LOST) {
                lost = install_lost(netlink, failure);
                note(stand, TAP_FILTER_LOST, lost);
        }
        if (which & TAP_FILTER_RESERVED) {
                reserved = install_reserved(netlink, failure);
                note(stand, TAP_FILTER_RESERVED, reserved);
        }
        return reserved < 0 ? reserved : lost < 0 ? lost : 0;
}

size_t tap_filter_tables(TapFilter filter, const FilterTable **ret) {
        static const FilterTable reserved[] = { { FILTER_FAMILY_BRIDGE, TABLE } },
                                 lost[] = { { FILTER_FAMILY_INET, TABLE },
                                         { FILTER_FAMILY_ARP, TABLE } };

        *ret = filter == TAP_FILTER_RESERVED ? reserved : lost;
        return filter == TAP_FILTER_RESERVED ? sizeof(reserved) / sizeof(*reserved)
                                             : sizeof(lost) / sizeof(*lost);
}
