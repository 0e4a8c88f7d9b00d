/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The leases of the guests of networks. */

#include "networks/dhcp-frame.h"
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

/* A thread has to know this of a network to end leases there. */
typedef struct LeaseNetwork {
        char name[IFNAMSIZ];
        int bridge;
        unsigned number; /* for a port's name: several may be under way at once */
        DhcpServer server;
        bool guarded; /* an address belongs to the MAC that uses it */
} LeaseNetwork;

LeaseNetwork networks_lease_network(Networks *networks, const Network *network);

/* In a thread: the guest with that MAC is gone, and its lease of the address ends now. */
int lease_end_now(const LeaseNetwork *network, const Mac *mac, struct in_addr address,
                Failure *failure);

/* Whether the link is the port by which a lease is given back, which counts as none. Only an
 * administrator could make one look like it. */
bool lease_end_is_port(const LinkInfo *link);
