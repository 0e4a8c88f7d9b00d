/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What belongs to the host's LAN rather than to the Internet: all private addresses, wherever they
 * are, and public addresses that are on-link for the host. With IPv6 every machine of a home has
 * some of those. What a tunnel leads to is not on-link, and public addresses behind another router
 * of the LAN are not known to belong to it.
 *
 * Sources: the special-purpose address registries of the IANA (RFC 6890).
 */

#include <stdio.h>

#include "kernel/route.h"

/* Writes the private addresses of the family as a set for nftables: "{ 10.0.0.0/8, ... }". */
void lan_write_private(FILE *file, int family);

/* Whether the route leads to public addresses that are on-link, if its device has neighbours. */
bool lan_is_public_and_on_link(const Route *route);

/* Whether it leads to private addresses only. */
bool lan_is_private(const Route *route);

/* Whether it leads to what no router forwards: the host itself, its links, groups. */
bool lan_is_never_passed_on(const Route *route);
