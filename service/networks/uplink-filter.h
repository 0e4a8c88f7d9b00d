/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one table of packet filters that is no network's, as text for kernel/filter: what depends on
 * where the host is, and changes as it moves. It goes with the last network that needs it.
 *
 *     table inet vnicd-uplinks-
 */

#include "kernel/route.h"
#include "networks/device-set.h"
#include "networks/network-filter.h"

/* After NETWORK_TABLE_PREFIX. No network has this name: it ends with "-". */
#define UPLINK_FILTER_NAME "uplinks-"

typedef struct UplinkFilter {
        /* What comes in on a device that forwards only because of vnicd goes nowhere but to its
         * networks, and where somebody else (Docker, libvirt) made the host forward meanwhile:
         * answers, and published ports. IPv6: that is all devices, of which these lead out; NULL:
         * IPv6 is not vnicd's. */
        const DeviceSet *devices4, *devices6;

        /* From the bridges nothing goes to what is near, of all these routes (networks/lan.h). */
        const int *lan_blocked; /* ifindexes of bridges; ends with 0; NULL: none */
        RouteList on_link4, on_link6;
} UplinkFilter;

/* What takes it away, also if it is not there. */
extern const char uplink_filter_removal[];

/* To be run together with the removal of what was there, if anything was; "": there is nothing to
 * filter. The caller frees it. -ENOMEM */
int uplink_filter_rules(const UplinkFilter *filter, char **ret);
