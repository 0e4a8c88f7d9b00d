/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which ports of a bridge are ours, and the MACs of the host's bridges. */

#include "networks/networks-list.h"
#include "taps/manager-observer.h"

/* Whether the link is an endpoint that was made for the bridge it is on: its tag agrees with our
 * record, and so does the group by which a network's filters know it. Does not ask the kernel. */
bool manager_owns_port(Manager *manager, const LinkInfo *link);

/* Counts the ports of the bridge with that ifindex in one dump. -errno of link_dump_ports(): *ret
 * then has one foreign port, so that callers err on the safe side. */
int manager_look_at_ports(Manager *manager, int bridge, BridgePorts *ret);

/* Whether the present MAC of a host bridge, on which a tap of ours is or will be, should be pinned.
 * A bridge that should not be pinned yet is remembered, and pinned when the first foreign port
 * joins. */
bool manager_should_pin_mac(Manager *manager, const LinkInfo *bridge);

/* The link has joined its master: a bridge that was not pinned may have to keep its MAC now. Events
 * of our own taps, which their holders can cause, cost nothing here. */
void manager_see_port_of_bridge(Manager *manager, const LinkInfo *link);

/* The bridge is gone. */
void manager_forget_bridge(Manager *manager, int bridge);

/* Checks all remembered bridges again; and, at the start, looks for them. */
void manager_check_bridges(Manager *manager);
void manager_adopt_bridges(Manager *manager);

/* The link has joined its master, which may be the bridge of a network. */
void manager_see_port(Manager *manager, const LinkInfo *link);
