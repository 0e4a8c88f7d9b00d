/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Watches what the firewalls of others do with networks and with frames that cross bridges. */

#include "networks/firewall.h"
#include "networks/network.h"

/* The filters of others, the host's routes, or its bridges may have changed: they are looked at
 * soon, off the loop, and the observer is told of networks for which the result has changed. May be
 * called for each event. */
void networks_check_firewalls(Networks *networks);

/* There is a bridge. If it is new, what happens to its frames has to be found out. */
void networks_see_bridge(Networks *networks, int ifindex);

/* Begins no further look; one that is under way ends. Then forgets what was found. */
void networks_stop_checking_firewalls(Networks *networks);
void networks_forget_firewalls(Networks *networks);

/* What happens to frames that cross the bridge with that ifindex and name, as far as br_netfilter
 * shows them to IP filters now. */
Fate networks_fate_of_crossing(const Networks *networks, int ifindex, const char *name);

/* Writes the present name of the network's bridge, which an administrator may have changed, to
 * buffer, and returns that; "": there is none. */
const char *networks_bridge_name(
                Networks *networks, const Network *network, char buffer[static IFNAMSIZ]);
