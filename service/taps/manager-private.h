/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a Manager, for the files that make it up: manager.c (its life, look-ups, what
 * networks ask), tap-creation.c (makes taps), open-queues.c (further queues), tracker.c (follows
 * the kernel), membership.c (which bridge or network endpoints belong to), reconcile-endpoint.c
 * (restores what others change), host-bridges.c (host bridges that go and come back),
 * tap-filter-guard.c (the filters of all taps), tamper-guard.c (against holders; deletion),
 * placement.c (where a tap is to be), bridge-ports.c (which ports of a bridge are ours),
 * bridge-list.c (all bridges, as they are shown), guest-sources.c (which MACs guests use),
 * address-watch.c (which IP addresses). */

#include "common/debounce.h"
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

typedef struct AddressWatch AddressWatch;

/* The filters of all taps are two facts, each with tables of its own (taps/tap-filter). */
#define TAP_GUARDS 2

typedef struct TapGuard {
        FilterGuard guard;
        TapFilter filter;
        struct Manager *owner;
} TapGuard;

/* For taps/bridge-list. */
typedef struct BridgeWatch {
        Debounce *due;
        IfindexMap by_ifindex;  /* SeenLink.entry */
        List links;             /* SeenLink.link */
        uint64_t addresses;     /* a digest of those of all bridges, as of the last look */
        bool addresses_touched; /* they have to be looked at */
        bool changed;           /* nobody was told yet */
} BridgeWatch;

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
        AddressWatch *addresses;
        PacketLog *sources; /* NULL: none are reported */
        sd_event_source *sources_readable;
        Quota *quota;
        Registry registry;
        List changed;           /* Endpoint.changed */
        List deletion_retries;  /* Endpoint.deletion_retry */
        sd_event_source *again; /* for the next attempt to delete them */
        unsigned resyncs;       /* how many resyncs there were */
        sd_event *event;
        Networks *networks;
        Reconciler *reconciler;              /* for all that others on the host can change */
        List bridges;                        /* HostBridge.link */
        void (*rejoin)(Reconcilable *thing); /* for HostBridge.rejoin */
        uint64_t tampered_usec;              /* when tampering was last seen; 0: never */
        bool rejoining;                      /* what is restored now was not changed by anybody */
        unsigned restored;                   /* endpoints that were restored, not logged yet */
        char last_restored[IFNAMSIZ];
        Netlink *netfilter; /* NULL: the kernel has none */
        FilterMonitor *filter_monitor;
        TapGuard tap_guards[TAP_GUARDS];
        /* Endpoints whose network was gone when we started. Until the last of them is gone, the
         * network's filters keep its frames from the host. */
        unsigned n_orphaned;
        /* Host bridges whose MAC nobody has pinned yet. If there are more, the next CreateTap looks
         * at them again. */
        int unpinned[UNPINNED_MAX];
        size_t n_unpinned;
        BridgeWatch bridge_watch;
        HostCapabilities capabilities;
        ManagerState state;
        const ManagerObserver *observer;
        void *userdata;
};
