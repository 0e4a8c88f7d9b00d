/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where endpoints belong, and that their records have changed. */

#include "taps/manager-private.h"

/* Takes over what the kernel says of its link; what that changed is told when the events under way
 * are read. */
void manager_follow(Manager *manager, Endpoint *endpoint, const LinkInfo *link);

/* The endpoint belongs on that bridge of the host from now on. ifindex: 0: it is not known, or
 * there is none. -ENOMEM */
int manager_enter_bridge(Manager *manager, Endpoint *endpoint, const char *name, int ifindex);

/* The bridge has another name, whosever it is: whoever follows its ports is told. */
void manager_bridge_is_renamed(Manager *manager, int ifindex);

/* The endpoint is held, on none, and goes back on its bridge if there is one of that name. */
void manager_await_bridge(Manager *manager, Endpoint *endpoint);

/* Whether endpoints wait for a bridge of that name. */
bool manager_awaits_bridge(const Manager *manager, const char *name);

/* The endpoint is one of the network's from now on. -ENOMEM */
int manager_join_network(Network *network, Endpoint *endpoint);

/* Its guest is there, for the first time or again. */
void manager_begin_lease(Manager *manager, const Endpoint *endpoint);

/* Endpoints wait for the bridge, which may be there again: looked at soon. */
void manager_mark_bridge(Manager *manager, HostBridge *bridge);

/* NULL: none. */
HostBridge *host_bridge_find(const List *bridges, const char *name);
HostBridge *host_bridge_at(const List *bridges, int ifindex);

/* Frees those that nobody belongs on any more: not while one of them is in use. */
void host_bridges_sweep(List *bridges);
