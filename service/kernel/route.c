/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

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

static void add_multipath(Route *route, struct nlattr *attribute) {
        const struct rtnexthop *hop = nla_data(attribute);
        int left = nla_len(attribute);

        while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) {
                add_device(route, hop->rtnh_ifindex);
                left -= (int)RTNH_ALIGN(hop->rtnh_len);
                hop = RTNH_NEXT(hop);
        }
}

static int take_destination(const struct rtmsg *header, struct nlattr *attribute, Route *route) {
        int size = header->rtm_family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);

        if (header->rtm_dst_len > size * 8 || (attribute && nla_len(attribute) != size))
                return -EPROTO;
        route->prefix = header->rtm_dst_len;
        if (attribute)
                memcpy(&route->destination, nla_data(attribute), (size_t)size);
        return 0;
}

int route_parse(const struct nlmsghdr *message, Route *ret) {
        static const struct nla_policy policy[RTA_MAX + 1] = {
                [RTA_OIF] = { .type = NLA_U32 },
        };
        struct nlattr *tb[RTA_MAX + 1];
        const struct rtmsg *header;
        Route route = { 0 };

        if (message->nlmsg_type != RTM_NEWROUTE)
                return -ENOMSG;
        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), tb, RTA_MAX, policy) < 0)
                return -EPROTO;
        header = nlmsg_data(message);
        if ((header->rtm_family != AF_INET && header->rtm_family != AF_INET6) ||
                        header->rtm_flags & RTM_F_CLONED)
                return -ENOMSG;
        route.family = header->rtm_family;
        route.unicast = header->rtm_type == RTN_UNICAST;
        if (take_destination(header, tb[RTA_DST], &route) < 0)
                return -EPROTO;
        /* One that is told by a nexthop's number alone has no device either. */
        route.on_link = route.unicast && tb[RTA_OIF] && !tb[RTA_GATEWAY] && !tb[RTA_VIA];
        if (tb[RTA_OIF])
                add_device(&route, (int)nla_get_u32(tb[RTA_OIF]));
        if (tb[RTA_MULTIPATH])
                add_multipath(&route, tb[RTA_MULTIPATH]);
        *ret = route;
        return 0;
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

        /* A kernel without the family answers with those that it has. */
        if (r == -ENOMSG || (r >= 0 && route.family != dump->family))
                return 0;
        return r < 0 ? r : dump->each(&route, dump->userdata);
}

int route_dump(Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure) {
        const struct rtmsg header = { .rtm_family = (unsigned char)family };
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP);
        Dump dump = { .family = family, .each = each, .userdata = userdata };

        if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, pass_route, &dump, "list the routes", failure);
}

void route_list_done(RouteList *list) {
        free(list->routes);
}

typedef struct Reading {
        RouteList *list;
        route_wanted_t wanted;
} Reading;

static int append(const Route *route, void *userdata) {
        const Reading *reading = userdata;
        RouteList *list = reading->list;

        if (!reading->wanted(route))
                return 0;
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
