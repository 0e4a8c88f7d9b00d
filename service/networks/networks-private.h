/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of Networks, for the files that make it up. */

#include <systemd/sd-event.h>

#include "common/debounce.h"
#include "networks/filter-guard.h"
#include "networks/firewall.h"
#include "networks/network.h"
#include "networks/uplinks.h"

typedef enum FirewallWatchState {
        FIREWALL_WATCH_IDLE, /* maybe with a look that is due once it has rested (common/debounce)
                              */
        FIREWALL_WATCH_LOOKING,
        FIREWALL_WATCH_LOOKING_OUTDATED, /* the same, and another look is needed after it */
        FIREWALL_WATCH_STOPPED,
} FirewallWatchState;

/* For networks/firewall-watch. */
typedef struct FirewallWatch {
        FirewallBridge *bridges; /* those whose frames are not all accepted where br_netfilter is on
                                  */
        size_t n_bridges;
        int newest_bridge; /* ifindex */
        Debounce *look;    /* NULL: nobody has asked for one yet */
        FirewallWatchState state;
        bool failed; /* the last look did, and that was logged */
} FirewallWatch;

struct Networks {
        Netlink *netlink;   /* the owner's */
        Netlink *netfilter; /* likewise; NULL: the kernel has none */
        Workers *workers;   /* likewise */
        sd_event *event;
        Reconciler *reconciler;   /* likewise */
        List list;                /* Network.link, oldest first; also those that are ending */
        IfindexMap by_bridge;     /* Network.bridge */
        IfindexMap foreign_ports; /* ForeignPort.link */
        Uplinks *uplinks;
        FilterGuard uplink_guard;
        unsigned uplink_filter_made; /* what the guard was told of (uplinks_filter_made()) */
        unsigned egress_told;        /* uplinks_egress_changes(), when the observer was told */
        Reconcilable checksums;      /* the device by which DHCP replies get theirs */
        RestoreLimit checksum_limit;
        unsigned lease_ends; /* how often leases were ended (networks/network-leases) */
        FirewallWatch firewall;
        bool tells_sources; /* filters can report the source MACs of guests */
        bool stopping;      /* there are no threads any more */
        bool ports_changed; /* foreign ports have, and nobody was told yet */
        const NetworksOwner *owner;
        void *owner_data;
        const NetworksObserver *observer; /* NULL: nobody yet */
        void *observer_data;
};
