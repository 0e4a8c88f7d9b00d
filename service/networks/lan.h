/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is near the host, and not out in the Internet: all private addresses, wherever they are, and
 * the public ones that the host reaches on its own links without a gateway. By IPv6 every machine
 * of a home has some of those. What a tunnel leads to is not near, and what lies behind another
 * router of the LAN and is public is not known to be near.
 *
 * Sources: the special-purpose address registries of the IANA (RFC 6890).
 */

#include <stdio.h>

#include "kernel/route.h"

/* The private addresses of the family, as a set of nftables: "{ 10.0.0.0/8, ... }". */
void lan_write_private(FILE *file, int family);

/* Whether the route leads to public addresses that are near, if its device has neighbours. */
bool lan_is_public_and_on_link(const Route *route);

/* Whether it leads to private addresses and to no others. */
bool lan_is_private(const Route *route);

/* Whether it leads to what no router passes on: itself, its links, groups. */
bool lan_is_never_passed_on(const Route *route);
