/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The IPv6 routes of the host, from /proc/net/ipv6_route: through which devices it reaches what
 * guests may reach.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

/* NULL: errno of fopen(3). */
FILE *route6_open(void);

/* Returns the device of the next route that leads where guests may go; all: including private
 * addresses and the host's neighbours. False: there are no more routes. */
bool route6_next(FILE *file, bool all, char ret_device[static IFNAMSIZ]);

/* A socket that becomes readable when routes have changed, or somebody has switched forwarding of a
 * device. What every device has (link-local routes, groups, its own addresses) is left out. -errno
 */
int route6_changes_open(void);
