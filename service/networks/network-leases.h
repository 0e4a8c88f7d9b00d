/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The leases of the guests of networks. */

#include "networks/network.h"

/* A guest of the network has come, or left (returns: it may come back). If present guests need
 * reserved addresses, those leases end as well. */
void networks_lease_begins(Networks *networks, Network *network, const LeaseGuest *guest);
void networks_lease_ends(
                Networks *networks, Network *network, const LeaseGuest *guest, bool returns);

/* The guest has changed its MAC. */
void networks_lease_moves(
                Networks *networks, Network *network, const LeaseGuest *guest, const Mac *before);

/* Looks for leases of guests that left while vnicd was not running. */
void networks_find_old_leases(Networks *networks);

/* Whether the link is the port by which a lease is given back, which counts as none. Only an
 * administrator could make one look like it. */
bool lease_end_is_port(const LinkInfo *link);
