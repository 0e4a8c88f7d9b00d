/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a tap is to be, and whether it can: a bridge of the host, a network that is up or that
 * comes up for it, or nowhere. It looks only, and its answer is whole whatever it is.
 */

#include "common/quota.h"
#include "networks/networks-list.h"
#include "taps/manager-observer.h"
#include "taps/tap-request.h"

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
typedef struct Placement {
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
} Placement;

/* What a look at a request ends with where nothing refuses it. */
typedef enum PlacementOutcome {
        PLACEMENT_OK = 0,
        PLACEMENT_BLOCKED, /* only by what is going, or may be gone in a moment: wait, and look
                              again */
        PLACEMENT_LEARNT,  /* of placement_check_mac() alone: only by what was learnt behind a
                              foreign  port */
} PlacementOutcome;

/* Looks, without touching anything, whether the request can succeed for that client now. Returns a
 * PlacementOutcome or a negative errno; the outputs are made whole whatever it is. *ret: where the
 * tap is to be; good until the loop runs on; {0} unless PLACEMENT_OK. *ret_blocked_on: with
 * PLACEMENT_BLOCKED the list (of RemovalWaiter.link) of those who wait for what is under deletion,
 * or may be gone when our copies of its queues are closed; else NULL. NoSuchBridge, NotABridge,
 * NoSuchNetwork, BridgeFull, InvalidOption, NameTaken, QuotaExceeded, OffloadUnsupported, MacInUse,
 * NotSupported. */
int placement_check(Manager *manager, const TapRequest *request, const Client *client,
                Placement *ret, List **ret_blocked_on, Failure *failure);

/* Whether the guest's MAC, and the host side's that goes with it, are free on the bridge. A
 * PlacementOutcome: blocked where only an endpoint under deletion has it, of which *ret_blocked_on
 * then tells (the pointer may be NULL: then it is in use); learnt where the bridge has only heard
 * it behind a port that is none of ours, and *failure is then the refusal for whoever may not take
 * it over. MacInUse (-EADDRINUSE), Stale (-ESTALE), -errno of bridge_find_mac(). */
int placement_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                List **ret_blocked_on, Failure *failure);
