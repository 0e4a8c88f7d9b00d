/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a Manager, shared by the files that make it up: manager.c (life, looking,
 * releasing), manager-create.c (taps), manager-queues.c (further queues), tracker.c (in step with
 * the kernel), reconcile-endpoint.c (as it was made, as it is), manager-bridges.c (bridges of the
 * host that are gone and come back), manager-filters.c (the filters of all taps), manager-guard.c
 * (against what holders do), manager-networks.c (what networks tell and ask), placement.c (where a
 * tap is to be), manager-ports.c (whose the ports of a bridge are), manager-sources.c (which MACs
 * guests use).
 */

#include "kernel/packet-log.h"
#include "networks/filter-guard.h"
#include "networks/networks-list.h"
#include "networks/networks.h"
#include "taps/delayed-close.h"
#include "taps/filter-monitor.h"
#include "taps/link-monitor.h"
#include "taps/manager.h"
#include "taps/registry.h"

#define UNPINNED_MAX 16

/* Of the filters of all taps, which are two facts: each has tables of its own (taps/tap-filter).
 */
#define TAP_GUARDS 2

typedef struct TapGuard {
        FilterGuard guard;
        TapFilter filter;
        struct Manager *owner;
} TapGuard;

struct Manager {
        Netlink *netlink;
        Closer *closer;
        sd_event_source *closer_source;
        Linger *linger;
        LinkMonitor *monitor;
        OffloadWatch *offload_watch;
        PacketLog *sources; /* NULL: we are not told of any */
        sd_event_source *sources_readable;
        Quota *quota;
        Registry registry;
        List changed;           /* Endpoint.changed */
        List condemned;         /* Endpoint.condemned */
        sd_event_source *again; /* when their deletion is tried again */
        sd_event *event;
        Networks *networks;
        Reconciler *reconciler; /* of all that others on the host can change */
        List bridges;           /* HostBridge.link */
        uint64_t theft_usec;    /* when a holder last did what holders should not; 0: never */
        bool rejoining;         /* what is put right now nobody has changed */
        unsigned restored;      /* endpoints that were put right and not told of yet */
        char last_restored[IFNAMSIZ];
        Netlink *netfilter; /* NULL: the kernel has none */
        FilterMonitor *filter_monitor;
        TapGuard tap_guards[TAP_GUARDS];
        /* Endpoints whose network was gone when we started. Until the last of them has gone too,
         * its filters keep what it sends from the host. */
        unsigned strays;
        /* Bridges of the host whose MAC nobody has set yet. More than these are looked at by the
         * next CreateTap. */
        int unpinned[UNPINNED_MAX];
        size_t n_unpinned;
        ManagerFacts facts;
        bool stopping; /* nothing is brought together any more: there are no threads for it */
        bool started;  /* what is there from before is known: what comes now is news */
        const ManagerObserver *observer;
        void *userdata;
};

/* Whether the guest's MAC, and the host side's that goes with it, are free on the bridge. A
 * PlacementOutcome: blocked where only an endpoint under deletion has it, of which *ret_blocked_on
 * then tells (the pointer may be NULL: then it is in use); learnt where the bridge has only heard
 * it behind a port that is none of ours, and *failure is then the refusal for whoever may not take
 * it over. MacInUse (-EADDRINUSE), Stale (-ESTALE), -errno of bridge_find_mac(). */
int manager_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                List **ret_blocked_on, Failure *failure);

/* Has the endpoint deleted, if that is not under way. -ENOMEM */
int manager_delete(Manager *manager, Endpoint *endpoint, EndpointEnd end);

/* The timer for manager_delete() to try again. -errno of sd_event_add_time(3). */
int manager_guard_begin(Manager *manager, sd_event *event);

/* Before the record takes over what the kernel says of the link: what its holder should not have
 * done is put right, in *link too, or the endpoint is deleted. */
void manager_guard(Manager *manager, Endpoint *endpoint, LinkInfo *link);

/* Takes over what the kernel says of its link; what that changed is told when the events under way
 * are read. */
void manager_follow(Manager *manager, Endpoint *endpoint, const LinkInfo *link);

/* It may not be as it was made: compared when the events under way are read, or now. */
void manager_check(Manager *manager, Endpoint *endpoint);
void manager_reconcile(Manager *manager, Endpoint *endpoint);

/* One line about all that were put right since the last one. */
void manager_tell_restored(Manager *manager);

/* Offloads of a persistent tap that nobody has open, or that was opened without a header, are off:
 * what its last consumer left on would make the kernel hand out frames without checksums. */
void manager_guard_offloads(Manager *manager, Endpoint *endpoint);

/* Those of all: filters that they go with have come or gone. */
void manager_mend_ports(Manager *manager);

/* There was an event: too many are tampering. */
void manager_count_event(Manager *manager, Endpoint *endpoint);

/* Whether the guest's MAC is tied to its port; and ties it. */
bool manager_mac_is_tied(Manager *manager, const Endpoint *endpoint);
void manager_tie_mac(Manager *manager, const Endpoint *endpoint);

/* The endpoint belongs on that bridge of the host from now on. ifindex: 0: it is not known, or
 * there is none. -ENOMEM */
int manager_enter_bridge(Manager *manager, Endpoint *endpoint, const char *name, int ifindex);

/* The bridge has another name, whosever it is: whoever follows its ports is told. */
void manager_bridge_is_renamed(Manager *manager, int ifindex);

/* What the kernel says of any link: it may be such a bridge. */
void manager_see_host_bridge(Manager *manager, const LinkInfo *link, LinkEvent event);

/* At the start, and when events were lost. */
void manager_resync_bridges(Manager *manager);

/* The endpoint is held, on none, and goes back on its bridge if there is one of that name. */
void manager_await_bridge(Manager *manager, Endpoint *endpoint);

/* Whether endpoints wait for a bridge of that name. */
bool manager_awaits_bridge(const Manager *manager, const char *name);

/* The same in each VLAN that the port is in, if these are others than before: a locked port hears a
 * guest only where its MAC is tied. */
void manager_guard_vlans(Manager *manager, Endpoint *endpoint, const PortVlans *vlans);

/* Listens to what the filters of networks tell of source MACs, if it does not already;
 * facts.sources tells whether that could be. */
void manager_open_sources(Manager *manager);
void manager_close_sources(Manager *manager);

/* The filters of the network stand: without the rules that tell of sources, if the kernel did not
 * take them. */
void manager_check_sources(Manager *manager, const Network *network);

/* Which sources are to be told of a tap on a network that is made so. */
TapSources manager_sources_for(const Manager *manager, bool locked, bool generated);

/* For the link monitor. */
extern const LinkFollower manager_link_follower;

/* The part of manager_look() that is about where the tap is to be; the same outcomes and outputs,
 * but that *ret may be half filled unless PLACEMENT_OK. */
int manager_look_at_place(Manager *manager, const TapRequest *request, const Client *client,
                Place *ret, List **ret_blocked_on, Failure *failure);

/* What is refused may be so only because of taps that the client has closed, and we have not
 * (taps/delayed-close): PLACEMENT_BLOCKED. Else the error, with the refusal. */
int manager_wait_for_own(const Manager *manager, const Client *client, List **ret_blocked_on,
                const Failure *refusal, int error, Failure *failure);

/* Whether the link is an endpoint that was made for the bridge on which it is: its tag and our
 * record agree, and so does the group by which a network's filters know it. Asks the kernel
 * nothing. */
bool manager_is_own_port(Manager *manager, const LinkInfo *link);

/* The ports of the bridge with that ifindex, from one look at the kernel. -errno of
 * link_dump_ports(): *ret then has one foreign port, so that callers take the stronger measure. */
int manager_look_at_ports(Manager *manager, int bridge, BridgePorts *ret);

/* Whether a bridge of the host, on which a tap of ours is or is to be, should have the MAC set that
 * it has. One that should not yet is remembered, and its MAC set when the first foreign port joins.
 */
bool manager_should_pin_mac(Manager *manager, const LinkInfo *bridge);

/* The link is on its master now: a bridge that was left with the MAC of its ports may have to keep
 * it. Events of our own taps, which their holders can make, cost nothing here. */
void manager_see_port_of_bridge(Manager *manager, const LinkInfo *link);

/* It is gone. */
void manager_forget_bridge(Manager *manager, int bridge);

/* Looks at all of those again; at the start, also for them. */
void manager_check_bridges(Manager *manager);
void manager_adopt_bridges(Manager *manager);

/* From now on others' changes of packet filters are seen. A kernel without them is no error.
 * -ENOMEM */
int manager_watch_filters(Manager *manager, sd_event *event);

/* No longer: nothing may be restored any more. */
void manager_leave_filters(Manager *manager);

/* Makes those of all taps, also where they are; which stand then is among the facts. -errno of
 * tap_filter_install(). */
int manager_make_tap_filters(Manager *manager);

/* Whether all filters stand that a new tap there needs (NULL: on no network); what was changed
 * until now is restored first. A PlacementOutcome: blocked while they are being restored.
 * KernelError (-EAGAIN): they cannot be. */
int manager_look_at_filters(
                Manager *manager, Network *network, List **ret_blocked_on, Failure *failure);

/* The endpoint is one of the network's from now on. -ENOMEM */
int manager_join_network(Network *network, Endpoint *endpoint);

/* Its guest is there, for the first time or again. */
void manager_begin_lease(Manager *manager, const Endpoint *endpoint);

/* A link is on its master now: a port of a network, if that is one. */
void manager_see_port(Manager *manager, const LinkInfo *link);

/* Guests' sources are not told of any more. */
void manager_lose_sources(Manager *manager);

/* What networks tell and ask. */
extern const NetworksObserver manager_networks_observer;
