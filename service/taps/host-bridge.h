/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bridges of the host that endpoints belong on, each by the name that stands in their tags.
 * Such a bridge may be there, or be gone: then its endpoints wait for one of that name. Knows
 * nothing of networks, which are vnicd's own.
 */

#include <net/if.h>
#include <stdint.h>

#include "common/list.h"
#include "common/reconcile.h"

typedef struct HostBridge {
        List link;      /* of all */
        List endpoints; /* Endpoint.on_bridge: those that belong on it, on it or not */
        char name[IFNAMSIZ];
        int ifindex;  /* 0: there is none of that name */
        uint32_t mtu; /* as far as the kernel has told; 0: it has not */
        /* When it is there again: those that wait are put back, some at a time. */
        Reconcilable rejoin;
        unsigned rejoined, refused; /* by this time's rejoining */
        void *owner;                /* the Manager */
} HostBridge;

/* The one of that name; made if there is none. NULL: out of memory. */
HostBridge *host_bridge_get(List *bridges, const char *name);

/* NULL: none. */
HostBridge *host_bridge_find(const List *bridges, const char *name);
HostBridge *host_bridge_at(const List *bridges, int ifindex);

/* One endpoint less or more belongs on it, by its Endpoint.on_bridge. */
void host_bridge_leave(List *on_bridge);
void host_bridge_enter(HostBridge *bridge, List *on_bridge);

/* Frees those that nobody belongs on any more: not while one of them is in use. */
void host_bridges_sweep(List *bridges);
