/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One network: what it was made as (the tag), its bridge, and the endpoints on it. It is made step
 * by step, in an order in which no frame passes before its filter is in force; when the service
 * starts it takes the same steps from the tag on, so that an interrupted setup is completed.
 *
 * It ends in one way: nothing new gets on it, its endpoints are deleted, then its bridge is, off
 * the loop, and its filters are removed when the kernel has said that the bridge is gone. Until
 * then the record stays, and keeps the name.
 */

#include <systemd/sd-event.h>

#include "common/list.h"
#include "common/quota.h"
#include "common/reconcile.h"
#include "common/removal.h"
#include "common/workers.h"
#include "kernel/link.h"
#include "networks/filter-guard.h"
#include "networks/firewall.h"
#include "networks/ifindex-map.h"
#include "networks/lease-book.h"
#include "networks/leases.h"
#include "networks/network-filter.h"
#include "networks/network-tag.h"

typedef struct Network Network;

/* Problems that the host causes, or that differ from what the network was made as: one sentence of
 * each kind. */
typedef enum NetworkWarning {
        NETWORK_WARNING_DHCP, /* another firewall drops what guests ask the host's DHCP server */
        NETWORK_WARNING_DNS,  /* what they ask its DNS server */
        NETWORK_WARNING_FIREWALL,   /* what is forwarded */
        NETWORK_WARNING_FILTERS,    /* its own filters were changed */
        NETWORK_WARNING_NO_IPV6,    /* the host has no IPv6 for its bridge */
        NETWORK_WARNING_ADDRESSES,  /* addresses of its bridge are missing */
        NETWORK_WARNING_CLASH,      /* the host has a subnet by now that clashes with its own */
        NETWORK_WARNING_FORWARDING, /* somebody has switched IPv4 forwarding off */
        NETWORK_WARNING_FORWARDING_V6,
        NETWORK_WARNING_CHECKSUMS, /* DHCP replies leave without checksums */
        NETWORK_WARNING_MAX,
} NetworkWarning;

/*
 * The life of a network:
 *
 *     CREATING ─┬─▶ LIVE ◀─┐        made, or found whole at the start; half made, it goes
 *               │    │     │
 *               ▼    ▼     │
 *              DRAINING ───┘        its endpoints are being deleted; LIVE again where the kernel
 *               ▲    │              has refused to delete its bridge again and again
 *               │    ▼
 *              DELETING             the deletion of its bridge is under way
 *
 * From each of them to GONE, when the kernel says that its bridge is gone: with its last endpoint
 * it is forgotten.
 */
typedef enum NetworkState {
        NETWORK_CREATING,
        NETWORK_LIVE,
        NETWORK_DRAINING,
        NETWORK_DELETING,
        NETWORK_GONE,
        NETWORK_STATE_MAX,
} NetworkState;

/* An endpoint that was made for a network, as far as the network is concerned: part of it, from
 * network_join() until it is unlinked. */
typedef struct NetworkPort {
        List link;         /* Network.endpoints */
        const Mac *mac;    /* the guest's */
        const int *master; /* the ifindex of the bridge it is on now; 0: none */
} NetworkPort;

/* A port of a network's bridge that is no endpoint made for it. */
typedef struct ForeignPort {
        IfindexEntry link; /* Networks.foreign_ports */
        List on_network;   /* Network.foreign */
        Network *network;
} ForeignPort;

struct Network {
        List link;      /* Networks.list */
        List endpoints; /* NetworkPort.link: those made for it, also the aborted */
        List waiters;   /* RemovalWaiter.link */
        NetworkTag tag;
        int ifindex;
        IfindexEntry bridge; /* Networks.by_bridge, once it has one */
        Mac mac;
        Quota *ports_of_users;
        /* The device that fills in the checksums of DHCP replies; 0: it is not needed, or could not
         * be set up. */
        int checksum_device;
        bool egress_changed; /* the rules that lead there may be gone */
        LeaseBook leases;
        Reconcilable lease_end; /* ends due leases a moment later */
        size_t n_hosts;         /* addresses that its definition keeps for certain guests */
        /* What its service has given, as of the last look (networks/lease-watch). */
        Leases given;
        bool given_is_new;        /* and nobody has made use of it yet */
        uint64_t lease_expiry;    /* of the first that ends, in seconds since the epoch; 0: none */
        int lease_watch;          /* of the directory of its service; 0: there is none yet */
        bool leases_have_changed; /* the file has, since it was read */
        bool leases_are_read;     /* right now */
        sd_event_source *idle;
        struct Networks *owner;
        /* Foreign ports of its bridge, as far as link events were read; only to be shown. */
        List foreign; /* ForeignPort.on_network */
        size_t n_foreign;
        /* As others were told last: how many those are, the name of its bridge ("": none was told
         * yet), and what firewalls do with what crosses it. */
        size_t n_foreign_told;
        char bridge_name[IFNAMSIZ];
        Fate crossing;
        NetworkState state; /* changed by network_set_state() alone */
        bool was_live;      /* observers know of it, and are or will be told of its end */
        unsigned refusals;  /* how often the kernel refused to delete its bridge */
        char *warnings[NETWORK_WARNING_MAX];    /* sentences; NULL: there is none */
        unsigned warnings_changed;              /* 1 << NetworkWarning, not reported yet */
        Fate fates[FIREWALL_MATTER_MAX];        /* what firewalls of others do with its traffic */
        char clash[NETWORK_ADDRESS_SIZE];       /* as of the last look (networks/network-health) */
        char missing[3 * NETWORK_ADDRESS_SIZE]; /* addresses of its bridge; likewise */
        bool forwards_v4;                       /* we switched forwarding on for its bridge */
        bool forwards_v6;                       /* forwarding was on for its bridge */
        uint64_t v6_off_at; /* since when it is off, µs of CLOCK_MONOTONIC; 0: it is on */
        FilterGuard filters;
        struct FilterRestoration *restoration; /* that is under way; NULL: none */
        List filter_waiters;                   /* RemovalWaiter.link: waiting for its end */
};

/* The network is CREATING, and has no bridge yet. -ENOMEM */
int network_new(Network **ret, const NetworkTag *tag);

/* Its endpoints must be gone, and whoever waits for it told. Takes NULL. Returns NULL. */
Network *network_free(Network *network);

/* -EINVAL: there is no such transition. The state stays what it was, and the mistake is logged. */
int network_set_state(Network *network, NetworkState state);

/* It has a bridge and is CREATING or LIVE. */
bool network_is_up(const Network *network);

/* Nothing new gets onto it: DRAINING, DELETING or GONE. */
bool network_is_ending(const Network *network);

/* Forgets its foreign ports, before every link is seen again. */
void network_forget_ports(Network *network);

/* Makes the bridge and all that belongs to it. After a failure network->ifindex tells whether there
 * is a bridge to delete (0: there is none). NameTaken (-EEXIST), AddressInUse, NotSupported,
 * KernelError. */
int network_setup(Network *network, Netlink *netlink, Failure *failure);

/* Completes a network that exists with its tag. */
int network_complete(Network *network, Netlink *netlink, Failure *failure);

/* Warns of that, or (sentence NULL) no longer; networks_tell_warnings() reports it. 1: something
 * has changed; 0: nothing has. -ENOMEM */
int network_warn(Network *network, NetworkWarning warning, const char *sentence);

/* Whether it has a DHCP server, so that replies are sent. */
bool network_sends_replies(const Network *network);

/* Has the checksums of DHCP replies filled in (kernel/checksum); if that fails, it warns. -ENOMEM
 */
int network_fill_checksums(Network *network, Netlink *netlink);

/* Writes the tag to the bridge again. */
int network_write_tag(Network *network, Netlink *netlink, Failure *failure);

/* Makes the filters of a network whose bridge has that ifindex and MAC, in one transaction;
 * replace: there may be some already. *ret: what filter_guard_read() says of them afterwards; 0:
 * not known. May run in a thread. */
int network_make_filters(const NetworkPlan *plan, int bridge, const Mac *mac, bool replace,
                uint64_t *ret, Failure *failure);

/* The tables of these filters; name: that of the network. */
#define NETWORK_TABLES 2
void network_filter_tables(const char *name, char buffer[static NETWORK_TABLE_SIZE],
                FilterTable ret[static NETWORK_TABLES]);

/* Removes the filters of a network whose bridge is gone. */
int network_remove_filters(const char *name, Failure *failure);

/* Deletes the bridge, and with_device the one by which DHCP replies get their checksums, off the
 * loop, if it is still that of the network. done() is called in the
 * loop with 0 or a negative errno (-ENODEV: it is gone already; -ESTALE: it is not ours). -ENOMEM
 */
typedef void (*network_deleted_t)(void *userdata, int ifindex, int error);
int network_delete_bridge(const Network *network, bool with_device, Workers *workers,
                network_deleted_t done, void *userdata);

typedef struct Networks Networks;

/* What their owner does for them, and answers. Every function is needed. */
typedef struct NetworksOwner {
        /* The network ends: everything that was made for it (Network.endpoints) has to be deleted
         * before its bridge. */
        void (*evict)(Network *network, void *userdata);
        /* Whether its bridge has any port. A failure to look counts as one. */
        bool (*has_ports)(const Network *network, void *userdata);
        /* The bridge has another name. */
        void (*renamed)(int ifindex, void *userdata);
        /* Whether endpoints wait for a host bridge of that name. */
        bool (*is_awaited)(const char *name, void *userdata);
        /* The filters of a network are in force, but without the rules that report the source MACs
         * of guests. */
        void (*sources_untold)(void *userdata);
} NetworksOwner;

/* What whoever shows networks is told, always in the loop. Every function is needed. */
typedef struct NetworksObserver {
        /* A network is LIVE; and it is LIVE no longer: it must not be used any more, but exists
         * until the kernel has said that its bridge is gone. */
        void (*appeared)(Network *network, void *userdata);
        void (*leaving)(Network *network, void *userdata);
        /* Its warnings have changed, or the set of firewalls whose effect on it cannot be
         * determined. */
        void (*warned)(Network *network, void *userdata);
        /* The number of foreign ports of its bridge has changed. */
        void (*shared)(Network *network, void *userdata);
        /* Guests of networks of the kind nat leave by other devices. */
        void (*rerouted)(void *userdata);
} NetworksObserver;
