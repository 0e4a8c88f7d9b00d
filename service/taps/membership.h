/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which bridge or network endpoints belong to, and what has changed in their records. */

#include "taps/manager-private.h"

/* Takes over what the kernel says of its link. What that changes is reported once the current
 * events are read. */
void manager_follow(Manager *manager, Endpoint *endpoint, const LinkInfo *link);

/* From now on the endpoint belongs on that host bridge. ifindex: 0: not known, or there is none.
 * -ENOMEM */
int manager_enter_bridge(Manager *manager, Endpoint *endpoint, const char *name, int ifindex);

/* The bridge, of the host or of a network, has another name: the change is reported for its ports.
 */
void manager_bridge_is_renamed(Manager *manager, int ifindex);

/* The endpoint is held, on no bridge; it is put back on its bridge if there is one of that name. */
void manager_await_bridge(Manager *manager, Endpoint *endpoint);

/* Whether endpoints wait for a bridge of that name. */
bool manager_awaits_bridge(const Manager *manager, const char *name);

/* From now on the endpoint is one of the network's. -ENOMEM */
int manager_join_network(Network *network, Endpoint *endpoint);

/* Its guest has come, for the first time or again. */
void manager_begin_lease(Manager *manager, const Endpoint *endpoint);

/* Endpoints wait for the bridge, which may be back: it is looked at soon. */
void manager_mark_bridge(Manager *manager, HostBridge *bridge);

/* NULL: none. */
HostBridge *host_bridge_find(const List *bridges, const char *name);
HostBridge *host_bridge_at(const List *bridges, int ifindex);

/* Frees those that no endpoint belongs on any more. Not to be called while one of them is in use.
 */
void host_bridges_sweep(List *bridges);
