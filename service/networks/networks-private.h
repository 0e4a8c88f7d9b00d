/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of Networks, for the files that make it up. */

#include <systemd/sd-event.h>

#include "networks/filter-guard.h"
#include "networks/firewall.h"
#include "networks/network.h"
#include "networks/uplinks.h"

/* For networks/firewall-watch. */
typedef struct FirewallWatch {
        FirewallBridge *bridges; /* whose frames are not all accepted where br_netfilter is on */
        size_t n_bridges;
        int newest_bridge;      /* ifindex */
        sd_event_source *pause; /* until the next look may begin */
        bool is_under_way, is_paused, is_wanted, is_stopped;
        bool failed; /* the last one did, and that was said */
} FirewallWatch;

struct Networks {
        Netlink *netlink;   /* the owner's */
        Netlink *netfilter; /* likewise; NULL: the kernel has none */
        Workers *workers;   /* likewise */
        sd_event *event;
        Reconciler *reconciler; /* likewise */
        List list;              /* Network.link, oldest first; also those that go */
        Uplinks *uplinks;
        FilterGuard uplink_guard;
        unsigned uplink_filter_made; /* what the guard was told of (uplinks_filter_made()) */
        Reconcilable checksums;      /* the device by which DHCP replies get theirs */
        RestoreLimit checksum_limit;
        unsigned lease_ends; /* how often leases were ended (networks/lease-end) */
        FirewallWatch firewall;
        bool tells_sources; /* filters can tell of the source MACs of guests */
        bool stopping;      /* there are no threads any more */
        bool started;       /* what is there from before is known: what comes now is news */
        const NetworksObserver *observer;
        void *userdata;
};
