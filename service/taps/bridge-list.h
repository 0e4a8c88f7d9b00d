/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All bridges of the host with what is behind them, from one dump of links and one of addresses;
 * and when this has changed. The latter is known without a dump: the events of links that are
 * bridges, or lead out of one, are compared with what was seen before. Taps and the other ends of
 * veths are not remembered, so that guests who come and go cost nothing here.
 */

#include "kernel/link-events.h"
#include "networks/networks-list.h"
#include "taps/manager-observer.h"

/* A name or an address, in one of the lists below. */
typedef struct BridgeWord {
        List link;
        char text[NETWORK_ADDRESS_SIZE];
} BridgeWord;

typedef struct ListedBridge {
        List link;
        LinkInfo bridge;
        BridgePorts ports;
        /* BridgeWord.link: the names of its ports that lead out of the host (any but tun and tap
         * devices, veths, netkits and dummies), and of the devices by which guests of a network of
         * the kind nat leave. */
        List uplinks;
        List addresses; /* BridgeWord.link: with prefix, of a wider scope than the link */
        bool carrier;   /* one of its ports that lead out has it */
        bool up;        /* it is set up, and has a carrier if any port leads out */
} ListedBridge;

/* Calls each() for every bridge. */
typedef int (*manager_bridge_t)(const ListedBridge *bridge, void *userdata);
int manager_list_bridges(Manager *manager, manager_bridge_t each, void *userdata, Failure *failure);

/* The floor above has changed what it shows of bridges: the observer is told, together with all
 * else that changes within a tenth of a second. */
void manager_touch_bridges(Manager *manager);

/* The life of the watch: before links are followed (-ENOMEM, -errno of the loop), when all are
 * known, and the end. */
int manager_watch_bridges(Manager *manager, sd_event *event);
void manager_begin_bridge_list(Manager *manager);
void manager_leave_bridges(Manager *manager);

/* LINK_IS, LINK_GONE, LINK_ADDRESS. Does not ask the kernel. */
void manager_see_listed(Manager *manager, const LinkInfo *link, LinkEvent event);

/* Every link was seen again: those that were not are gone, and addresses may have changed. */
void manager_sweep_listed(Manager *manager);
