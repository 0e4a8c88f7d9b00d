/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finds networks, keeps their warnings, and follows the ports of their bridges. */

#include "networks/network.h"

/* The network of exactly that name, as long as its record exists; NULL: none. */
Network *networks_find(Networks *networks, const char *name);

/* The next one that is LIVE, oldest first; NULL: from the start; returns NULL at the end. */
Network *networks_next(Networks *networks, const Network *after);

/* The network whose bridge has that ifindex; NULL: none. Costs the same however many there are. */
Network *networks_at(const Networks *networks, int ifindex);

/* The network whose bridge this is; NULL: it is not ours. */
Network *networks_of_bridge(Networks *networks, const LinkInfo *bridge);

/* The network that a tap of this group was made for. NULL: none. */
Network *networks_of_group(Networks *networks, uint32_t group);

/* Warns of that, or (sentence NULL) no longer: the change is logged, and the observer told. */
void networks_warn(
                Networks *networks, Network *network, NetworkWarning warning, const char *sentence);

/* Logs the warnings that have changed (network_warn()), and tells the observer. */
void networks_tell_warnings(Networks *networks);

/* Tells the observer that the network's warnings, or the name in them, have changed. */
void networks_tell_warned(Networks *networks, Network *network);

/* The link is on that master now (0: none): for what is shown of networks, and to see whether a
 * foreign port has joined since placement was checked. is_own: it is an endpoint that was made for
 * that bridge, or no port that counts. */
void networks_see_port(Networks *networks, const LinkInfo *link, bool is_own);

/* To be called before every link is seen again. */
void networks_forget_ports(Networks *networks);

/* To be called after a batch of events: tells the observer for which networks the number of foreign
 * ports has changed. */
void networks_tell_ports(Networks *networks);

/* How many ports a bridge has, and how many of them are foreign: not an endpoint that was made for
 * it. */
typedef struct BridgePorts {
        unsigned all, foreign;
} BridgePorts;

/* The ports of a network as far as link events were read. Only to be shown; the kernel is not
 * asked. */
BridgePorts network_ports(const Network *network);
