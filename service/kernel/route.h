/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The routes of the host: where its packets go. They are looked at when a network comes up, which
 * is to clash with none, and to find the devices that lead out, and what is near.
 *
 * Sources: linux/rtnetlink.h, net/ipv4/fib_semantics.c.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/netlink.h"

/* More ways than that of one route are passed over. */
#define ROUTE_DEVICES_MAX 32

typedef struct Route {
        int family; /* AF_INET or AF_INET6 */
        union {
                struct in_addr v4;
                struct in6_addr v6;
        } destination;
        uint8_t prefix;
        bool unicast;                   /* it leads somewhere, which a blackhole does not */
        bool on_link;                   /* by no gateway: its addresses are those of neighbours */
        int devices[ROUTE_DEVICES_MAX]; /* ifindexes; ends with 0 if there are fewer */
} Route;

typedef int (*route_each_t)(const Route *route, void *userdata);

/* A default route, or one of the few that a VPN puts in its place (0.0.0.0/1 and 128.0.0.0/1,
 * 2000::/3): it says where everything else is, not that there is something. */
bool route_is_default(const Route *route);

/* -EPROTO: malformed. -ENOMSG: no route, or one of the kernel's cache. */
int route_parse(const struct nlmsghdr *message, Route *ret);

/* The same for one that is told to have gone, too (RTM_DELROUTE). */
int route_parse_any(const struct nlmsghdr *message, Route *ret);

/* Every route of the family, of all tables. -EINTR: they changed meanwhile; do it again. */
int route_dump(Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure);

/* Those that somebody has asked for; starts as { NULL }. */
typedef struct RouteList {
        Route *routes;
        size_t n, size;
} RouteList;

void route_list_done(RouteList *list);

/* -ENOMEM */
int route_list_add(RouteList *list, const Route *route);

/* Every route of the family that is wanted, in place of what was there. -ENOMEM, -errno */
typedef bool (*route_wanted_t)(const Route *route);
int route_list_read(RouteList *list, Netlink *netlink, int family, route_wanted_t wanted,
                Failure *failure);
