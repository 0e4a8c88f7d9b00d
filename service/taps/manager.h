/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Owns everything that exists: makes taps, finds and enumerates endpoints, has them deleted, and
 * forgets one only when the kernel has said that it is gone. Knows uids, not callers; allowed or
 * not has been decided above.
 */

#include <systemd/sd-event.h>

#include "common/fdset.h"
#include "common/workers.h"
#include "kernel/offload.h"
#include "networks/networks-list.h"
#include "networks/networks.h"
#include "taps/endpoint.h"
#include "taps/tap-filter.h"
#include "taps/tap-request.h"

typedef struct Manager Manager;

/* What the world above is told, each in the loop. What is there already at the start has not
 * appeared; it may have been tampered with. */
typedef struct ManagerObserver {
        void (*appeared)(const Endpoint *endpoint, void *userdata);
        void (*changed)(const Endpoint *endpoint, unsigned changes, void *userdata);
        /* A holder did what he should not have done; deleted: the endpoint is being deleted for it,
         * else it was put right. why: a sentence without its end. */
        void (*tampered)(const Endpoint *endpoint, bool deleted, const char *why, void *userdata);
        /* Whether an endpoint that has lost its bridge may be put on the one of that name. NULL:
         * any may. */
        bool (*may_rejoin)(const Endpoint *endpoint, const char *bridge, void *userdata);
        /* Still to be found when called; not after. */
        void (*leaving)(const Endpoint *endpoint, void *userdata);
        /* Of networks (networks/networks-observer). */
        void (*network_appeared)(Network *network, void *userdata);
        void (*network_leaving)(Network *network, void *userdata);
        void (*network_warned)(Network *network, void *userdata);
        void (*network_shared)(Network *network, void *userdata);
        /* Filters of all taps (ManagerFacts.tap_filters) have gone, by somebody else, or have come
         * back. */
        void (*facts_changed)(void *userdata);
} ManagerObserver;

/* Whether the filters of networks can tell us of the source MACs of guests
 * (networks/network-filter). */
typedef enum SourceTelling {
        SOURCES_UNSUPPORTED, /* the kernel has no nfnetlink_log, or it could not be asked */
        SOURCES_TAKEN,       /* another program listens in our place */
        SOURCES_TOLD,
} SourceTelling;

/* What the host offers; told by a scratch tap, and by the filters that could be made, at the start.
 */
typedef struct ManagerFacts {
        OffloadCapability offloads;
        unsigned max_queues;
        unsigned cpus;        /* online */
        bool vhost_net;       /* there is a /dev/vhost-net */
        unsigned tap_filters; /* TAP_FILTER_*, those that stand */
        SourceTelling sources;
} ManagerFacts;

/* For whom something is made: whose it is, on what limits, and which connection may open further
 * queues of it, if it is its user's own. */
typedef struct Client {
        uid_t uid;
        Limits limits;
        unsigned ports_per_bridge;
        bool bpdu_guard;  /* the ports of its taps have it */
        bool learnt_macs; /* it may take over what its bridge has learnt behind a foreign port */
        /* Counting ports takes longer the more there are. Where the kernel's own limit is the only
         * one it is left to the kernel, unless somebody would be asked, or told, in vain. */
        bool count_ports;
        const char *connection;     /* NULL: nobody's */
        const NetworkPlan *defined; /* what the bridge's name stands for, by the configuration;
                                       NULL: nothing */
} Client;

/* Where a tap is to be. */
typedef struct Place {
        LinkInfo bridge; /* its name is that of the request, its ifindex 0 where there is none yet
                          */
        const NetworkPlan *plan; /* NULL: no network of ours */
        Network *network;        /* NULL: none, or not up */
        bool shared;             /* the network has a foreign port, or could not be looked at */
        bool unfiltered;         /* the request turns off what the network demands */
        /* The guest's MAC was learnt behind a port that is none of ours, which is no proof that
         * somebody uses it there: the refusal for whoever may not take it over. FAILURE_NONE: it
         * was not. */
        Failure learnt;
} Place;

/* Probes the host and adopts what carries our tag. A host without /dev/net/tun offers nothing, and
 * that is no error. -errno of sockets and of the loop. */
int manager_new(Manager **ret, sd_event *event, const ManagerObserver *observer, void *userdata);
Manager *manager_free(Manager *manager);

/* Asks the host again, on demand: a module may have been loaded since; and makes the filters of
 * taps anew. 1: something has changed; 0: nothing has; a negative errno: it could not be asked, and
 * what was known stands. */
int manager_probe(Manager *manager);

const ManagerFacts *manager_facts(const Manager *manager);

/* What a look at a request ends with where nothing refuses it. */
typedef enum PlacementOutcome {
        PLACEMENT_OK = 0,
        PLACEMENT_BLOCKED, /* only by what is going, or may be gone in a moment: wait, and look
                              again */
        PLACEMENT_LEARNT,  /* of manager_check_mac() alone: only by what was learnt behind a foreign
                              port */
} PlacementOutcome;

/* Looks, without touching anything, whether the request can succeed for that client now. Returns a
 * PlacementOutcome or a negative errno; the outputs are made whole whatever it is. *ret: where the
 * tap is to be; good until the loop runs on; {0} unless PLACEMENT_OK. *ret_blocked_on: with
 * PLACEMENT_BLOCKED the list (of RemovalWaiter.link) of those who wait for what is under deletion,
 * or may be gone when our copies of its queues are closed; else NULL. NoSuchBridge, NotABridge,
 * NoSuchNetwork, BridgeFull, InvalidOption, NameTaken, QuotaExceeded, OffloadUnsupported, MacInUse,
 * NotSupported. */
int manager_look(Manager *manager, const TapRequest *request, const Client *client, Place *ret,
                List **ret_blocked_on, Failure *failure);

/* Makes the tap, on exactly that bridge; a network that is not up comes up for it. The queues are
 * the caller's; give them to manager_close_queues() when they have been passed on. After a failure
 * the kernel is as before within a second. Failures as of manager_look(), Stale, AddressInUse,
 * KernelError. */
int manager_create_tap(Manager *manager, const TapRequest *request, const Client *client,
                const Place *place, FdSet *ret_queues, Endpoint **ret, Failure *failure);

/* Its networks, as long as it is there. */
Networks *manager_networks(Manager *manager);

/* Tells the world above of a tap just made: when whoever asked for it has been told, and before the
 * loop runs on. */
void manager_announce(Manager *manager, const Endpoint *endpoint);

/* count (1..FDSET_MAX) more queues. The endpoint may be gone afterwards. NotMultiqueue, QueueLimit,
 * QuotaExceeded, Stale, KernelError. */
int manager_open_queues(Manager *manager, Endpoint *endpoint, const Limits *limits, unsigned count,
                FdSet *ret_queues, Failure *failure);

/* Closes, off the loop, what manager_open_queues() gave last and could not be passed on. The tag
 * counts it no longer as soon as it is closed. */
void manager_withdraw_queues(Manager *manager, Endpoint *endpoint, FdSet *queues);

/* Nobody has received so many queues that were given just now (Endpoint.just_given): they do not
 * count once our copies are closed. */
void manager_queues_lost(Manager *manager, uint32_t nonce, unsigned given);

/* For a tap just made that nobody could be told of: has it deleted, also if it outlives its queues.
 */
void manager_take_back(Manager *manager, Endpoint *endpoint);

/* Closes our copies of the queues of that uid's tap of that nonce, a moment later and off the loop
 * (taps/delayed-close). */
void manager_close_queues(Manager *manager, uid_t uid, uint32_t nonce, FdSet *queues);

/* Runs something slow of the world above, off the loop; manager_free() waits for it. */
void manager_run(Manager *manager, CloserJob *job);

/* Has the endpoint deleted; the watch is told when it is gone. May be called again meanwhile.
 * -ENOMEM */
int manager_release(Manager *manager, Endpoint *endpoint, RemovalWaiter *watch);

/* NULL: none. By interface: the name it has now, and exactly that. */
Endpoint *manager_find(Manager *manager, uint32_t nonce);
Endpoint *manager_find_interface(Manager *manager, const char *name);
Endpoint *manager_find_label(Manager *manager, uid_t uid, const char *label);

/* The name that its bridge has now, into buffer, which it returns; "" if it is on none. */
const char *manager_bridge_of(
                Manager *manager, const Endpoint *endpoint, char buffer[static IFNAMSIZ]);

/* The next living endpoint after this one, oldest first; NULL: from the start; returns NULL at the
 * end. */
Endpoint *manager_next(Manager *manager, const Endpoint *after);

/* Every bridge of the host with its ports, from one look at the kernel. */
typedef int (*manager_bridge_t)(const LinkInfo *bridge, const BridgePorts *ports, void *userdata);
int manager_list_bridges(Manager *manager, manager_bridge_t each, void *userdata, Failure *failure);
