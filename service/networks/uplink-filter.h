/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The table of packet filters that belongs to no network, as text for kernel/filter: it depends on
 * the host's routes, and changes with them. It is removed with the last network that needs it.
 *
 *     table inet vnicd-uplinks-
 */

#include "kernel/route.h"
#include "networks/device-set.h"
#include "networks/network-filter.h"

/* After NETWORK_TABLE_PREFIX. No network has this name: it ends with "-". */
#define UPLINK_FILTER_NAME "uplinks-"

typedef struct UplinkFilter {
        /* Packets from a device that forwards only because of vnicd may go to its networks only,
         * except for answers and published ports, if somebody else (Docker, libvirt) has made the
         * host forward meanwhile. For IPv6 these are all devices, of which devices6 lead out; NULL:
         * vnicd did not switch IPv6 forwarding on. */
        const DeviceSet *devices4, *devices6;

        /* Packets from these bridges may not go to public addresses that are on-link
         * (networks/lan.h), by all these routes. */
        const int *lan_blocked; /* ifindexes of bridges; ends with 0; NULL: none */
        RouteList on_link4, on_link6;
} UplinkFilter;

/* Deletes it, even if it does not exist. */
extern const char uplink_filter_removal[];

/* To be run in one transaction with the removal, if there was a table; "": there is nothing to
 * filter. The caller frees it. -ENOMEM */
int uplink_filter_rules(const UplinkFilter *filter, char **ret);
