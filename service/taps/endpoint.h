/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One endpoint: whose it is (the tag), what the kernel last said of it, and who waits for its end.
 * Nothing in here is a source of truth: the record follows the kernel.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"
#include "common/quota.h"
#include "common/reconcile.h"
#include "common/removal.h"
#include "kernel/link.h"
#include "networks/network.h"
#include "taps/address-book.h"
#include "taps/offload-watch.h"
#include "taps/tag.h"
#include "taps/tamper.h"

typedef struct Endpoint Endpoint;

/* What a link event changed. */
typedef enum EndpointChange {
        ENDPOINT_CHANGED_NAME = 1 << 0,
        ENDPOINT_CHANGED_BRIDGE = 1 << 1,
        ENDPOINT_CHANGED_MAC = 1 << 2,
        ENDPOINT_CHANGED_MTU = 1 << 3,
        ENDPOINT_CHANGED_PORT = 1 << 4,
        ENDPOINT_CHANGED_STATE = 1 << 5,
        ENDPOINT_CHANGED_QUEUES = 1 << 6,
        ENDPOINT_CHANGED_QUEUES_DISABLED = 1 << 7,
        ENDPOINT_CHANGED_OFFLOADS = 1 << 8,
        ENDPOINT_CHANGED_HEADER = 1 << 9,
        ENDPOINT_CHANGED_PERSISTENT = 1 << 10,
        ENDPOINT_CHANGED_WARNINGS = 1 << 11,
        ENDPOINT_CHANGED_FORWARDING = 1 << 12,
        ENDPOINT_CHANGED_GUEST_MAC = 1 << 13,
        ENDPOINT_CHANGED_ADDRESSES = 1 << 14,
} EndpointChange;

/* What differs from what it was made as. */
typedef enum EndpointWarning {
        ENDPOINT_WARNING_RENAMED = 1 << 0,
        ENDPOINT_WARNING_BRIDGE = 1 << 1,
        ENDPOINT_WARNING_MTU = 1 << 2,
        ENDPOINT_WARNING_ANTI_SPOOF = 1 << 3,
        ENDPOINT_WARNING_ISOLATED = 1 << 4,
        ENDPOINT_WARNING_DOWN = 1 << 5,
        ENDPOINT_WARNING_PERSISTENCE = 1 << 6,
        ENDPOINT_WARNING_OWNER = 1 << 7,
        ENDPOINT_WARNING_HEADER = 1 << 8,
        ENDPOINT_WARNING_END = 1 << 9,
        ENDPOINT_WARNING_VLAN = 1 << 10,
        ENDPOINT_WARNING_LISTENING = 1 << 11,
        ENDPOINT_WARNING_BLOCKED = 1 << 12,
        ENDPOINT_WARNING_GUARD = 1 << 13,
        ENDPOINT_WARNING_FILTERS = 1 << 14,
        ENDPOINT_WARNING_SOURCES = 1 << 15,
} EndpointWarning;

/* Why it leaves. */
typedef enum EndpointEnd {
        ENDPOINT_END_CLOSED, /* its last queue was closed, or somebody deleted it: the kernel does
                                not say which */
        ENDPOINT_END_RELEASED,
        ENDPOINT_END_TAMPERED,
        ENDPOINT_END_NETWORK_DELETED,
        ENDPOINT_END_LOGOUT,
        ENDPOINT_END_MAX,
} EndpointEnd;

/*
 * The life of an endpoint:
 *
 *     CREATING ──▶ LIVE ◀──▶ DELETING
 *        │
 *        ▼
 *     ABORTED
 *
 * Whatever its state, it ends when the kernel says that its link is gone.
 */
typedef enum EndpointState {
        ENDPOINT_CREATING, /* what the kernel says of it is true, but no news: nobody knows it yet
                            */
        ENDPOINT_LIVE,
        ENDPOINT_DELETING, /* its deletion is under way; LIVE again if the kernel refuses it */
        ENDPOINT_ABORTED,  /* its creation failed: it is shown to nobody, only waited for */
        ENDPOINT_STATE_MAX,
} EndpointState;

/* What others may undo, and what is restored then. */
typedef enum EndpointFact {
        ENDPOINT_FACT_ANTI_SPOOF, /* locked, and learns nothing */
        ENDPOINT_FACT_FDB_ENTRY,  /* the entry of the bridge for the guest's MAC */
        ENDPOINT_FACT_ISOLATED,
        ENDPOINT_FACT_PORT,  /* what keeps reserved frames and the spanning tree from guests */
        ENDPOINT_FACT_GROUP, /* by which filters know it */
        ENDPOINT_FACT_BRIDGE,
        ENDPOINT_FACT_MAX,
} EndpointFact;

/* A bridge of the host that endpoints belong on, by the name that stands in their tags. It may be
 * there, or be gone: then its endpoints wait for one of that name. */
typedef struct HostBridge {
        List link;      /* of all */
        List endpoints; /* Endpoint.on_bridge: those that belong on it, whether they are on it or
                           not */
        char name[IFNAMSIZ];
        int ifindex;  /* 0: there is none of that name */
        uint32_t mtu; /* 0: not known yet */
        /* For when it is back: waiting endpoints are put back, a few at a time. */
        Reconcilable rejoin;
        unsigned rejoined, refused; /* during the rejoining under way */
        void *owner;                /* the Manager */
} HostBridge;

struct Endpoint {
        List link;        /* Registry.endpoints */
        List waiters;     /* RemovalWaiter.link */
        List changed;     /* Manager.changed, while there was an event */
        unsigned changes; /* EndpointChange, not told yet */
        Tag tag;          /* what it was made as */
        LinkInfo now;     /* as the kernel said last */
        void *owner;      /* the Manager */
        /* For when tag and now differ (taps/reconcile-endpoint). */
        Reconcilable check;
        bool check_fdb_entry; /* the bridge may have lost its entry for the guest's MAC */
        RestoreLimit *limits; /* ENDPOINT_FACT_MAX; NULL: nothing had to be restored yet */
        unsigned left;        /* 1 << EndpointFact: undone too often, and left alone for now */
        HostBridge *bridge;   /* the host bridge it belongs on; NULL: none, or a network */
        List on_bridge;       /* HostBridge.endpoints */
        int was_on;           /* the bridge it was on before it was on none; 0: not known */
        TamperState tamper;
        unsigned warnings; /* EndpointWarning */
        uint64_t vlans; /* a hash of those that have a static entry of the guest's MAC; 0: none yet
                         */
        bool muted;     /* another port has the guest's MAC in one of them */
        uint64_t mac_heard_at;      /* a generated one, first; µs of CLOCK_MONOTONIC; 0: not yet */
        uint32_t offloads;          /* OFFLOAD_*, what the tap can carry with its header */
        OffloadState offload_state; /* what its consumer has turned on */
        char *creator;              /* the connection that made it; NULL: not known */
        unsigned just_given;        /* queues that the last OpenQueues added to the tag's count */
        Charge charge;
        Network *network; /* the one it was made for; NULL: none */
        NetworkPort on_network;
        AddressHolder addresses;
        Charge port;         /* against the network's limit for a user */
        EndpointState state; /* changed by endpoint_set_state() alone */
        EndpointEnd end;
        List deletion_retry; /* Manager.deletion_retries: its deletion was refused, and is tried
                                again */
        unsigned seen_in;    /* Manager.resyncs, when the kernel told of it last */
        bool orphaned;       /* its network was gone when it was adopted */
        bool may_return;     /* its MAC or label may come back, or nobody knows: its address stays
                                reserved */
};

/* creator may be NULL. NULL: out of memory. */
Endpoint *endpoint_new(const Tag *tag, const char *creator);

/* Unlinks it and gives its charge back. Its waiters must have been told. Takes NULL. Returns NULL.
 */
Endpoint *endpoint_free(Endpoint *endpoint);

/* Whether that may be restored once more, at this time of CLOCK_MONOTONIC in µs; counts it. Without
 * memory to count it, it may. */
bool endpoint_may_restore(Endpoint *endpoint, EndpointFact fact, uint64_t now_usec);

/* When it may be restored again, in the same µs; in the past if it has not been restored. */
uint64_t endpoint_restores_next(const Endpoint *endpoint, EndpointFact fact);

/* -EINVAL: there is no such transition. The state stays what it was, and the mistake is logged. */
int endpoint_set_state(Endpoint *endpoint, EndpointState state);

/* LIVE or DELETING: it is shown, and its end will be told. */
bool endpoint_is_published(const Endpoint *endpoint);

/* Takes over what the kernel says. Returns EndpointChanges. */
unsigned endpoint_follow(Endpoint *endpoint, const LinkInfo *link);

/* Works its warnings out again. Returns whether they have changed. */
bool endpoint_review(Endpoint *endpoint);

/* The ifindex of the bridge it belongs on, a network's or the host's; 0: that does not exist, or it
 * belongs on none. */
int endpoint_bridge(const Endpoint *endpoint);

/* Whether it outlives its queues. */
bool endpoint_is_persistent(const Endpoint *endpoint);

/* OFFLOAD_*: what it can carry now. */
uint32_t endpoint_offloads(const Endpoint *endpoint);

/* Whether a queue is attached. */
bool endpoint_is_active(const Endpoint *endpoint);

/* Whether its port takes frames of the guest's MAC only. */
bool endpoint_has_anti_spoof(const Endpoint *endpoint);

/* Whether frames pass its port, as far as that depends on the bridge; without a bridge nothing
 * holds them back. */
bool endpoint_is_forwarding(const Endpoint *endpoint);

void endpoint_add_waiter(Endpoint *endpoint, RemovalWaiter *waiter);
void endpoint_notify_removed(Endpoint *endpoint, int error);

/* Its guest, as far as leases are concerned. The label stays the endpoint's. */
LeaseGuest endpoint_guest(const Endpoint *endpoint);
