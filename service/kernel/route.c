/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/route/route.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

#define V4_PREFIX_MIN 8
#define V6_PREFIX_MIN 7 /* fc00::/7 */

bool route_is_default(const Route *route) {
        return route->prefix < (route->family == AF_INET ? V4_PREFIX_MIN : V6_PREFIX_MIN);
}

static void add_device(Route *route, int ifindex) {
        for (size_t i = 0; i < ROUTE_DEVICES_MAX; i++)
                if (route->devices[i] == 0 || route->devices[i] == ifindex) {
                        route->devices[i] = ifindex;
                        return;
                }
}

static void add_multipath(Route *route, const struct nlattr *attribute) {
        const struct rtnexthop *hop = nla_data(attribute);
        int left = nla_len(attribute);

        while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) {
                add_device(route, hop->rtnh_ifindex);
                left -= (int)RTNH_ALIGN(hop->rtnh_len);
                hop = RTNH_NEXT(hop);
        }
}

static int take_destination(struct rtnl_route *object, Route *route) {
        struct nl_addr *address = rtnl_route_get_dst(object);
        unsigned size = route->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr),
                 prefix = nl_addr_get_prefixlen(address), n = nl_addr_get_len(address);

        if (prefix > size * 8 || (n > 0 && n != size))
                return -EPROTO;
        route->prefix = (uint8_t)prefix;
        memcpy(&route->destination, nl_addr_get_binary_addr(address), n);
        return 0;
}

/* A route that only refers to a nexthop object has no device here. */
static void take_ways(const struct nlmsghdr *message, struct rtnl_route *object, Route *route) {
        const struct nlattr *paths = rtnl_find_in_route(message, RTA_MULTIPATH);
        struct rtnl_nexthop *hop = rtnl_route_nexthop_n(object, 0);
        int ifindex = hop ? rtnl_route_nh_get_ifindex(hop) : 0;

        route->on_link = route->unicast && ifindex > 0 && !rtnl_route_nh_get_gateway(hop) &&
                        !rtnl_find_in_route(message, RTA_VIA);
        if (ifindex > 0)
                add_device(route, ifindex);
        if (paths)
                add_multipath(route, paths);
}

int route_parse_any(const struct nlmsghdr *message, Route *ret) {
        _cleanup_(rtnl_route_putp) struct rtnl_route *object = NULL;
        Route route = { 0 };
        int r;

        r = rtnl_parse_route(message, &object);
        if (r < 0)
                return r;
        route.family = rtnl_route_get_family(object);
        if ((route.family != AF_INET && route.family != AF_INET6) ||
                        rtnl_route_get_flags(object) & RTM_F_CLONED)
                return -ENOMSG;
        route.unicast = rtnl_route_get_type(object) == RTN_UNICAST;
        if (take_destination(object, &route) < 0)
                return -EPROTO;
        take_ways(message, object, &route);
        *ret = route;
        return 0;
}

int route_parse(const struct nlmsghdr *message, Route *ret) {
        return message->nlmsg_type == RTM_NEWROUTE ? route_parse_any(message, ret) : -ENOMSG;
}

typedef struct Dump {
        int family;
        route_each_t each;
        void *userdata;
} Dump;

static int pass_route(const struct nlmsghdr *message, void *userdata) {
        const Dump *dump = userdata;
        Route route;
        int r = route_parse(message, &route);

        /* A kernel without the family answers with the routes of those that it has. */
        if (r == -ENOMSG || (r >= 0 && route.family != dump->family))
                return 0;
        return r < 0 ? r : dump->each(&route, dump->userdata);
}

int route_dump(Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = rtnl_build_dump(RTM_GETROUTE, family);
        Dump dump = { .family = family, .each = each, .userdata = userdata };

        return message ? netlink_call(netlink, message, pass_route, &dump, "list the routes",
                                         failure)
                       : -ENOMEM;
}

void route_list_done(RouteList *list) {
        free(list->routes);
}

typedef struct Reading {
        RouteList *list;
        route_wanted_t wanted;
} Reading;

int route_list_add(RouteList *list, const Route *route) {
        if (list->n == list->size) {
                size_t size = list->size > 0 ? list->size * 2 : 64;
                Route *more = reallocarray(list->routes, size, sizeof(Route));

                if (!more)
                        return -ENOMEM;
                list->routes = more;
                list->size = size;
        }
        list->routes[list->n++] = *route;
        return 0;
}

static int append(const Route *route, void *userdata) {
        const Reading *reading = userdata;

        return reading->wanted(route) ? route_list_add(reading->list, route) : 0;
}

int route_list_read(RouteList *list, Netlink *netlink, int family, route_wanted_t wanted,
                Failure *failure) {
        Reading reading = { .list = list, .wanted = wanted };
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r) {
                list->n = 0;
                r = route_dump(netlink, family, append, &reading, failure);
        }
        return r;
}
