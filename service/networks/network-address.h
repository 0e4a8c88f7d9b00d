/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses for a network that comes up: those it was given, if they clash with nothing on this
 * host; else free ones. The choice depends first of all on the machine and the name: a network that
 * comes up again has the same addresses, and two machines on one LAN have different ones.
 */

#include "common/mac.h"
#include "config/network-plan.h"
#include "kernel/address.h"
#include "kernel/netlink.h"
#include "kernel/route.h"

/* The MAC of the network's bridge: "vn", "ic" and two bytes of the machine's and the name's. */
Mac network_mac(const char *name);

/* Completes plan->v4 and v6. On a kernel without IPv6 the network has none. AddressInUse
 * (-EADDRINUSE): the host has a route to what was given, or to all candidates. */
int network_choose_addresses(Netlink *netlink, NetworkPlan *plan, Failure *failure);

/* address/prefix: ours, in the family of the other. */
bool clash_with_route(const Route *route, const void *address, unsigned prefix);
bool clash_with_address(const AddressInfo *other, const void *address, unsigned prefix);

/* Writes the subnet in the usual notation to buffer, and returns that. */
const char *clash_show(int family, const void *address, unsigned prefix,
                char buffer[static NETWORK_ADDRESS_SIZE]);
