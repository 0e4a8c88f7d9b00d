/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The routes of the host. They are read when a network comes up, whose subnet must not clash with
 * any, and to find the uplinks and the subnets that are on-link.
 *
 * Sources: linux/rtnetlink.h, net/ipv4/fib_semantics.c.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/netlink.h"

/* Further next hops of a route are ignored. */
#define ROUTE_DEVICES_MAX 32

typedef struct Route {
        int family; /* AF_INET or AF_INET6 */
        union {
                struct in_addr v4;
                struct in6_addr v6;
        } destination;
        uint8_t prefix;
        bool unicast;                   /* it leads somewhere, unlike a blackhole */
        bool on_link;                   /* without a gateway: its addresses are neighbours */
        int devices[ROUTE_DEVICES_MAX]; /* ifindexes; ends with 0 if there are fewer */
} Route;

typedef int (*route_each_t)(const Route *route, void *userdata);

/* A default route, or one of those that a VPN puts in its place (0.0.0.0/1 and 128.0.0.0/1,
 * 2000::/3): it covers everything else, and does not mean that a particular subnet is in use. */
bool route_is_default(const Route *route);

/* -EPROTO: malformed. -ENOMSG: not a route, or one from the kernel's cache. */
int route_parse(const struct nlmsghdr *message, Route *ret);

/* The same, but also accepts a route that was removed (RTM_DELROUTE). */
int route_parse_any(const struct nlmsghdr *message, Route *ret);

/* Calls each() for every route of the family, in all tables. -EINTR: they changed meanwhile; try
 * again. */
int route_dump(Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure);

/* A selection of routes. Starts as { NULL }. */
typedef struct RouteList {
        Route *routes;
        size_t n, size;
} RouteList;

void route_list_done(RouteList *list);

/* -ENOMEM */
int route_list_add(RouteList *list, const Route *route);

/* Replaces the list with every route of the family for which wanted() is true. -ENOMEM, -errno */
typedef bool (*route_wanted_t)(const Route *route);
int route_list_read(RouteList *list, Netlink *netlink, int family, route_wanted_t wanted,
                Failure *failure);
