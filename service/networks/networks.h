/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The networks that vnicd owns, and their life: which are up, who uses them, and when one has to
 * go. There is one way for a network to leave, as there is for an endpoint: the kernel says that
 * its bridge is gone. What is on a network it knows as ports only (NetworkPort); its owner has them
 * go when it is told to (NetworksObserver).
 */

#include <systemd/sd-event.h>

#include "kernel/link-events.h"
#include "networks/network.h"

/* They stay the owner's. netlink: of NETLINK_ROUTE. */
typedef struct NetworksParts {
        Netlink *netlink;
        Workers *workers;
        Reconciler *reconciler;
        sd_event *event;
} NetworksParts;

/* -ENOMEM */
int networks_new(Networks **ret, const NetworksParts *parts, const NetworksOwner *owner,
                void *userdata);

/* Forgets all; who waits is told. The endpoints of all of them must be gone. Takes NULL. Returns
 * NULL. */
Networks *networks_free(Networks *networks);

/* Of NETLINK_NETFILTER, which stays the owner's. NULL: the kernel has none. */
void networks_set_netfilter(Networks *networks, Netlink *netfilter);

/* Whether the filters of networks are to tell of the source MACs of guests. */
void networks_set_sources(Networks *networks, bool told);

/* Whom what comes from now on is news to. */
void networks_observe(Networks *networks, const NetworksObserver *observer, void *userdata);

/* There are no threads any more: nothing is deleted. Takes NULL. */
void networks_stop(Networks *networks);

/* Whether a network could have that name. NameTaken (-EEXIST). */
int networks_check_name(Networks *networks, const char *name, Failure *failure);

/* A network that lives until it is deleted, or (kept: false) as long as it is used. NameTaken,
 * AddressInUse, NotSupported, KernelError. */
int networks_create(Networks *networks, const NetworkPlan *plan, bool kept, Network **ret,
                Failure *failure);

/* Has it deleted, with the endpoints on it; the waiter (NULL: nobody) is told when it is gone. */
void networks_delete(Networks *networks, Network *network, RemovalWaiter *waiter);

/* It goes, with all that is on it. */
void networks_evict(Networks *networks, Network *network);

/* The port is one of the network's from now on, until it is unlinked and networks_left() is called.
 * -ENOMEM */
int network_join(Network *network, NetworkPort *port, uid_t uid, Charge *charge);

/* A port of the network has gone. network may be NULL. */
void networks_left(Networks *networks, Network *network);

/* The kernel says this of a link, which may be the bridge of a network, whatever its group is by
 * now. */
void networks_see_link(Networks *networks, const LinkInfo *link, LinkEvent event);

/* Takes up the networks that are there, before the links are followed; and what is left of one that
 * was not finished, or not deleted to the end, goes. Nothing of that keeps the service from
 * starting. */
void networks_adopt(Networks *networks);

/* Filters of networks whose bridge is gone go. For when no endpoint is left behind them. */
void networks_remove_orphans(Networks *networks);

/* Once all endpoints are known: a network that nobody uses goes. */
void networks_settle(Networks *networks);

/* Events were lost: those whose bridge is gone are gone. */
void networks_resync(Networks *networks);
