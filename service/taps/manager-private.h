/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a Manager, shared by the files that make it up: manager.c (life, looking,
 * releasing), tap-creation.c (taps), open-queues.c (further queues), tracker.c (in step with
 * the kernel), reconcile-endpoint.c (as it was made, as it is), host-bridges.c (bridges of the
 * host that are gone and come back), tap-filter-guard.c (the filters of all taps), tamper-guard.c
 * (against what holders do), placement.c (where a
 * tap is to be), bridge-ports.c (whose the ports of a bridge are), guest-sources.c (which MACs
 * guests use).
 */

#include "kernel/packet-log.h"
#include "networks/filter-guard.h"
#include "networks/networks-list.h"
#include "networks/networks.h"
#include "taps/delayed-close.h"
#include "taps/filter-monitor.h"
#include "taps/host-capabilities.h"
#include "taps/link-monitor.h"
#include "taps/manager-observer.h"
#include "taps/registry.h"
#include "taps/tap-filter.h"

#define UNPINNED_MAX 16

/* Of the filters of all taps, which are two facts: each has tables of its own (taps/tap-filter).
 */
#define TAP_GUARDS 2

typedef struct TapGuard {
        FilterGuard guard;
        TapFilter filter;
        struct Manager *owner;
} TapGuard;

typedef enum ManagerState {
        MANAGER_STARTING, /* what is there from before is no news */
        MANAGER_RUNNING,
        MANAGER_STOPPING, /* nothing is reconciled any more: there are no threads for it */
} ManagerState;

struct Manager {
        Netlink *netlink;
        Workers *workers;
        sd_event_source *workers_source;
        DelayedClose *delayed_close;
        LinkMonitor *monitor;
        OffloadWatch *offload_watch;
        PacketLog *sources; /* NULL: we are not told of any */
        sd_event_source *sources_readable;
        Quota *quota;
        Registry registry;
        List changed;           /* Endpoint.changed */
        List deletion_retries;  /* Endpoint.deletion_retry */
        sd_event_source *again; /* when their deletion is tried again */
        unsigned resyncs;       /* how often all links were looked at */
        sd_event *event;
        Networks *networks;
        Reconciler *reconciler;              /* of all that others on the host can change */
        List bridges;                        /* HostBridge.link */
        void (*rejoin)(Reconcilable *thing); /* for HostBridge.rejoin */
        uint64_t theft_usec; /* when a holder last did what holders should not; 0: never */
        bool rejoining;      /* what is put right now nobody has changed */
        unsigned restored;   /* endpoints that were put right and not told of yet */
        char last_restored[IFNAMSIZ];
        Netlink *netfilter; /* NULL: the kernel has none */
        FilterMonitor *filter_monitor;
        TapGuard tap_guards[TAP_GUARDS];
        /* Endpoints whose network was gone when we started. Until the last of them has gone too,
         * its filters keep what it sends from the host. */
        unsigned n_orphaned;
        /* Bridges of the host whose MAC nobody has set yet. More than these are looked at by the
         * next CreateTap. */
        int unpinned[UNPINNED_MAX];
        size_t n_unpinned;
        HostCapabilities capabilities;
        ManagerState state;
        const ManagerObserver *observer;
        void *userdata;
};
