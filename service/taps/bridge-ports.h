/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whose the ports of a bridge are, and the MACs of bridges of the host. */

#include "networks/networks-list.h"
#include "taps/manager-observer.h"

/* Whether the link is an endpoint that was made for the bridge on which it is: its tag and our
 * record agree, and so does the group by which a network's filters know it. Asks the kernel
 * nothing. */
bool manager_is_own_port(Manager *manager, const LinkInfo *link);

/* The ports of the bridge with that ifindex, from one look at the kernel. -errno of
 * link_dump_ports(): *ret then has one foreign port, so that callers take the stronger measure. */
int manager_look_at_ports(Manager *manager, int bridge, BridgePorts *ret);

/* Whether a bridge of the host, on which a tap of ours is or is to be, should have the MAC set that
 * it has. One that should not yet is remembered, and its MAC set when the first foreign port joins.
 */
bool manager_should_pin_mac(Manager *manager, const LinkInfo *bridge);

/* The link is on its master now: a bridge that was left with the MAC of its ports may have to keep
 * it. Events of our own taps, which their holders can make, cost nothing here. */
void manager_see_port_of_bridge(Manager *manager, const LinkInfo *link);

/* It is gone. */
void manager_forget_bridge(Manager *manager, int bridge);

/* Looks at all of those again; at the start, also for them. */
void manager_check_bridges(Manager *manager);
void manager_adopt_bridges(Manager *manager);

/* A link is on its master now: a port of a network, if that is one. */
void manager_see_port(Manager *manager, const LinkInfo *link);

/* Every bridge of the host with its ports, from one look at the kernel. */
typedef int (*manager_bridge_t)(const LinkInfo *bridge, const BridgePorts *ports, void *userdata);
int manager_list_bridges(Manager *manager, manager_bridge_t each, void *userdata, Failure *failure);
