/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the firewalls of others do with networks and with what crosses bridges of the host. */

#include "networks/firewall.h"
#include "networks/network.h"

/* The filters of others, the host's ways out, or its bridges may have changed: they are looked at
 * soon, off the loop, and the observer is told of networks that fare otherwise than before. May be
 * called as often as there are events. */
void networks_check_firewalls(Networks *networks);

/* There is a bridge: of a new one it has to be found out what happens to its frames. */
void networks_see_bridge(Networks *networks, int ifindex);

/* No look begins any more; one that is under way ends. Then what was found is forgotten. */
void networks_stop_checking_firewalls(Networks *networks);
void networks_forget_firewalls(Networks *networks);

/* What happens to frames that cross the bridge of that ifindex and name, as far as br_netfilter
 * shows them to filters of IP now. */
Fate networks_fate_of_crossing(const Networks *networks, int ifindex, const char *name);

/* The name that the network's bridge has now, which an administrator may have changed, into buffer,
 * which it returns; "": there is none. */
const char *networks_bridge_name(
                Networks *networks, const Network *network, char buffer[static IFNAMSIZ]);
