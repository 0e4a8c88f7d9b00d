/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a tap is to be, and whether it can be there: on a bridge of the host, on a network that is
 * up or comes up for it, or on none. It only looks, and its answer is always complete.
 */

#include "common/quota.h"
#include "networks/networks-list.h"
#include "taps/manager-observer.h"
#include "taps/tap-request.h"

/* For whom something is made: who owns it, which limits apply, and which connection may open
 * further queues, if it is its user's own. */
typedef struct Client {
        uid_t uid;
        Limits limits;
        unsigned ports_per_bridge;
        bool bpdu_guard;  /* for the ports of their taps */
        bool learnt_macs; /* they may take over what the bridge has learnt behind a foreign port */
        /* Counting ports takes longer the more there are. If the kernel's limit is the only one, it
         * is left to the kernel, unless somebody would be asked for authentication, or told yes, in
         * vain. */
        bool count_ports;
        const char *connection;     /* NULL: nobody's */
        const NetworkPlan *defined; /* what the bridge's name stands for, by the configuration;
                                       NULL: nothing */
        const NetworkHosts *hosts;  /* whose addresses that fixes; NULL with no definition */
} Client;

/* Where a tap is to be. */
typedef struct Placement {
        LinkInfo bridge;         /* with the name of the request; ifindex 0: it does not exist yet
                                  */
        const NetworkPlan *plan; /* NULL: no network of ours */
        Network *network;        /* NULL: none, or not up */
        bool shared;             /* the network has a foreign port, or could not be looked at */
        bool unfiltered;         /* the request turns off a protection that the network has */
        /* If the guest's MAC was learnt behind a foreign port, which does not prove that it is in
         * use there: the refusal for those who may not take it over. FAILURE_NONE: it was not
         * learnt. */
        Failure learnt;
} Placement;

/* The outcome of a check that refuses nothing. */
typedef enum PlacementOutcome {
        PLACEMENT_OK = 0,
        PLACEMENT_BLOCKED, /* only something that is being removed, or may be gone in a moment, is
                              in the way: wait, and check again */
        PLACEMENT_LEARNT,  /* of placement_check_mac() alone: the bridge has only learnt the MAC,
                              behind a foreign port */
} PlacementOutcome;

/* Checks, without changing anything, whether the request can succeed for that client now. Returns a
 * PlacementOutcome or a negative errno, and always sets the outputs. *ret: where the tap is to be;
 * valid until the loop runs; {0} unless PLACEMENT_OK. *ret_blocked_on: with PLACEMENT_BLOCKED the
 * list of waiters (RemovalWaiter.link) for what is being deleted, or may be gone when our copies of
 * its queues are closed; else NULL. NoSuchBridge, NotABridge, NoSuchNetwork, BridgeFull,
 * InvalidOption, NameTaken, QuotaExceeded, OffloadUnsupported, MacInUse, AddressInUse,
 * NotSupported. Leases are not looked at. */
int placement_check(Manager *manager, const TapRequest *request, const Client *client,
                Placement *ret, List **ret_blocked_on, Failure *failure);

/* Whether the guest's MAC, and the host side's that goes with it, are free on the bridge. A
 * PlacementOutcome: BLOCKED if only an endpoint that is being deleted has it, whose waiters
 * *ret_blocked_on then is (if the pointer is NULL, the MAC is in use); LEARNT if the bridge has
 * only learnt it behind a foreign port, and *failure is then the refusal for those who may not take
 * it over. MacInUse (-EADDRINUSE), Stale (-ESTALE), -errno of bridge_find_mac(). */
int placement_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                List **ret_blocked_on, Failure *failure);
