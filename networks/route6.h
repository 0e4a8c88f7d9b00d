/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The IPv6 routes of the host, as /proc/net/ipv6_route tells them: by which devices it reaches what
 * guests may go to.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

/* NULL: errno of fopen(3). */
FILE *route6_open(void);

/* The device of the next route that leads where guests may go; all: to private addresses and to
 * neighbours of the host as well. False: there is none any more. */
bool route6_next(FILE *file, bool all, char ret_device[static IFNAMSIZ]);

/* A socket that has something to read when routes have changed, or somebody has switched forwarding
 * of a device. What each device has (link-local routes, groups, its own addresses) is left out.
 * -errno */
int route6_changes_open(void);
