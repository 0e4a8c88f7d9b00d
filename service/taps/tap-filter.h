/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The filters that are about all taps on bridges, made at the start: no tap costs a rule.
 *
 *  table bridge vnicd-taps-   drops frames to 01:80:c2:00:00:00 to 0F at the port. A bridge does
 *                             not forward them: it hands them to the host as the port's own, past
 *                             the port's lock and past every filter of the bridge. So each port is
 *                             told to forward them (taps/tap-port), which brings them here.
 *                             Without this table they would then be on the LAN. And it drops all
 *                             that comes by a tap which is held (networks/group).
 *  table inet vnicd-taps-     drop what arrives by the tap itself: that tap has lost its bridge.
 *  table arp vnicd-taps-
 *
 * They stay when the service ends, as the taps do.
 */

#include <stddef.h>

#include "common/failure.h"
#include "kernel/filter-table.h"
#include "kernel/netlink.h"

/* After NETWORK_TABLE_PREFIX. No network has this name: it ends with "-". */
#define TAP_FILTER_NAME "taps-"

/* Those that are in force. */
typedef enum TapFilter {
        TAP_FILTER_RESERVED = 1 << 0, /* the table of the family bridge */
        TAP_FILTER_LOST = 1 << 1,     /* the others */
        TAP_FILTER_ALL = TAP_FILTER_RESERVED | TAP_FILTER_LOST,
} TapFilter;

/* Makes those in which (TAP_FILTER_*), replacing what exists; *stand says which are in force,
 * whatever is returned. It must say which were before: those that could merely not be made again,
 * for lack of memory or descriptors, still are. netlink: of NETLINK_NETFILTER. NotSupported
 * (-EOPNOTSUPP), KernelError, -ENOMEM. */
int tap_filter_install(Netlink *netlink, unsigned which, unsigned *stand, Failure *failure);

/* The tables that one of them (not TAP_FILTER_ALL) is made of. */
size_t tap_filter_tables(TapFilter filter, const FilterTable **ret);
