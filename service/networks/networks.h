/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The networks that vnicd owns, and their life: which are up, who uses them, and when one has to
 * go. Like endpoints, they are removed when the kernel says that their bridge is gone. It knows
 * what is on a network only as ports (NetworkPort), which its owner deletes when asked to
 * (NetworksOwner).
 */

#include <systemd/sd-event.h>

#include "kernel/link-events.h"
#include "networks/network.h"

/* What Networks use; all of it stays the owner's. netlink: of NETLINK_ROUTE. */
typedef struct NetworksParts {
        Netlink *netlink;
        Workers *workers;
        Reconciler *reconciler;
        sd_event *event;
} NetworksParts;

/* -ENOMEM */
int networks_new(Networks **ret, const NetworksParts *parts, const NetworksOwner *owner,
                void *userdata);

/* Forgets all networks; waiters are told -ECANCELED. All their endpoints must be gone. Takes NULL.
 * Returns NULL. */
Networks *networks_free(Networks *networks);

/* netfilter: of NETLINK_NETFILTER; it stays the owner's. NULL: the kernel has none. */
void networks_set_netfilter(Networks *networks, Netlink *netfilter);

/* Whether the filters of new networks are to report the source MACs of guests. */
void networks_set_sources(Networks *networks, bool told);

/* From now on the observer is told of changes; what exists already has not appeared. */
void networks_observe(Networks *networks, const NetworksObserver *observer, void *userdata);

/* There are no threads any more: nothing is deleted from now on. Takes NULL. */
void networks_stop(Networks *networks);

/* Whether a network could have that name. NameTaken (-EEXIST). */
int networks_check_name(Networks *networks, const char *name, Failure *failure);

/* Makes a network that lives until it is deleted or, unless kept, as long as it is used. NameTaken,
 * AddressInUse, NotSupported, KernelError. */
int networks_create(Networks *networks, const NetworkPlan *plan, bool kept, Network **ret,
                Failure *failure);

/* Has the network deleted, with the endpoints on it; the waiter (NULL: nobody) is told when it is
 * gone. */
void networks_delete(Networks *networks, Network *network, RemovalWaiter *waiter);

/* From now on the port is one of the network's, until it is unlinked and networks_left() is called.
 * -ENOMEM */
int network_join(Network *network, NetworkPort *port, uid_t uid, Charge *charge);

/* A port of the network is gone. network may be NULL. */
void networks_left(Networks *networks, Network *network);

/* Takes over what the kernel says of a link, which may be the bridge of a network, whatever its
 * present group. */
void networks_see_link(Networks *networks, const LinkInfo *link, LinkEvent event);

/* Adopts the networks that exist, before links are followed; remains of one that was not finished,
 * or not deleted completely, are removed. No failure keeps the service from starting. */
void networks_adopt(Networks *networks);

/* Removes orphaned filters, of networks whose bridge is gone. To be called when no endpoint needs
 * them any more. */
void networks_remove_orphaned_filters(Networks *networks);

/* To be called once all endpoints are known: networks that nobody uses are going to be deleted. */
void networks_settle(Networks *networks);

/* Events were lost: looks for networks whose bridge is gone. */
void networks_resync(Networks *networks);
