/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a subnet of ours cannot be beside: a subnet that the host has on one of its links, and a
 * route to as much or to a part of it. A wider route, of a VPN or one that refuses what is private,
 * says where the rest is: ours is more specific.
 */

#include "config/network-plan.h"
#include "kernel/address.h"
#include "kernel/route.h"

/* Whether the two subnets have an address in common. */
bool clash_overlap(const void *a, unsigned a_prefix, const void *b, unsigned b_prefix);

/* address/prefix: of ours, in the family of the other. */
bool clash_with_route(const Route *route, const void *address, unsigned prefix);
bool clash_with_address(const AddressInfo *other, const void *address, unsigned prefix);

/* A subnet as people write it, into buffer, which it returns. */
const char *clash_show(int family, const void *address, unsigned prefix,
                char buffer[static NETWORK_ADDRESS_SIZE]);
