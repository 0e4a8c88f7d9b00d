/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which networks there are, what they warn of, and what is known of the ports of their bridges. */

#include "networks/network.h"

/* Exactly that one, as long as it is there; NULL: none. */
Network *networks_find(Networks *networks, const char *name);

/* The next one that does not go, oldest first; NULL: from the start; returns NULL at the end. */
Network *networks_next(Networks *networks, const Network *after);

/* The network whose bridge has that ifindex. NULL: none. */
Network *networks_at(const Networks *networks, int ifindex);

/* The network whose bridge that is; NULL: none of ours. */
Network *networks_of_bridge(Networks *networks, const LinkInfo *bridge);

/* The network that a tap of this group was made for. NULL: none. */
Network *networks_of_group(Networks *networks, uint32_t group);

/* Warns of that, or (sentence NULL) no longer: told to the world above, and logged when it begins.
 */
void networks_warn(
                Networks *networks, Network *network, NetworkWarning warning, const char *sentence);

/* Whoever shows networks, and the journal, are told of the warnings that have changed
 * (network_warn()). */
void networks_tell_warnings(Networks *networks);

/* Whoever shows networks is told that what this one warns of, or its name, has changed. */
void networks_tell_warned(Networks *networks, Network *network);

/* For what is shown of networks, and to see that nothing has come since the look that decided: the
 * link is on that master now (0: none). is_own: it is an endpoint that was made for that bridge, or
 * none of its ports. */
void networks_see_port(Networks *networks, const LinkInfo *link, bool is_own);

/* Before every link is seen again. */
void networks_forget_ports(Networks *networks);

/* After a batch of events: whoever shows networks is told whose foreign ports are others. */
void networks_tell_ports(Networks *networks);

/* How many ports a bridge has, and how many of them are foreign: no endpoint that was made for it.
 */
typedef struct BridgePorts {
        unsigned all, foreign;
} BridgePorts;

/* The ports of a network as far as link events were read: costs no look at the kernel, and is for
 * show. */
BridgePorts network_ports(const Network *network);
