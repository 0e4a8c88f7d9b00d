/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/uplinks.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "kernel/filter.h"
#include "kernel/forwarding.h"
#include "kernel/route-events.h"
#include "kernel/route.h"
#include "model/lan.h"
#include "model/uplink-filter.h"
#include "util/cleanup.h"

DEFINE_CLEANUP(Uplinks, uplinks_free)

/* Routes change in bursts. */
#define PAUSE_USEC (100 * 1000)

struct Uplinks {
        sd_event *event;
        sd_event_source *readable, *pause;
        int fd; /* of route-events, while a network needs it */
        uplinks_due_t due;
        void *userdata;
        NetworkUplinks ours; /* on these we switched it on */
        char *filtered;      /* what its table says; unknown at the start */
};

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Uplinks *uplinks = userdata;

        uplinks->due(uplinks->userdata);
        return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Uplinks *uplinks = userdata;
        int r, on;

        route_events_drain(fd);
        /* What is under way is not put off. */
        if (sd_event_source_get_enabled(uplinks->pause, &on) > 0)
                return 0;
        r = sd_event_source_set_time_relative(uplinks->pause, PAUSE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(uplinks->pause, SD_EVENT_ONESHOT);
}

int uplinks_new(Uplinks **ret, sd_event *event, uplinks_due_t due, void *userdata) {
        _cleanup_(uplinks_freep) Uplinks *uplinks = calloc(1, sizeof(Uplinks));
        int r;

        if (!uplinks)
                return -ENOMEM;
        *uplinks = (Uplinks){
                .event = sd_event_ref(event),
                .fd = -EBADF,
                .due = due,
                .userdata = userdata,
        };
        r = sd_event_add_time(event, &uplinks->pause, CLOCK_MONOTONIC, UINT64_MAX, 1, on_pause_over,
                        uplinks);
        if (r >= 0)
                r = sd_event_source_set_enabled(uplinks->pause, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(uplinks);
        return 0;
}

static void unwatch(Uplinks *uplinks) {
        uplinks->readable = sd_event_source_disable_unref(uplinks->readable);
        close_fd(uplinks->fd);
        uplinks->fd = -EBADF;
}

Uplinks *uplinks_free(Uplinks *uplinks) {
        if (!uplinks)
                return NULL;
        unwatch(uplinks);
        sd_event_source_disable_unref(uplinks->pause);
        sd_event_unref(uplinks->event);
        free(uplinks->filtered);
        free(uplinks);
        return NULL;
}

static int watch(Uplinks *uplinks) {
        int r;

        if (uplinks->fd >= 0)
                return 0;
        r = route_events_open();
        if (r < 0)
                return r;
        uplinks->fd = r;
        r = sd_event_add_io(uplinks->event, &uplinks->readable, uplinks->fd, EPOLLIN, on_readable,
                        uplinks);
        if (r < 0)
                unwatch(uplinks);
        return r;
}

static bool needs_a_way_out(const Network *network) {
        return network->tag.plan.kind == NETWORK_NAT && !network->doomed && !network->bridge_gone &&
                        network->ifindex > 0;
}

/* In whose tag it is written: the oldest. NULL: nobody needs anything. */
static Network *keeper_of(const List *networks) {
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                if (needs_a_way_out(network))
                        return network;
        }
        return NULL;
}

static bool is_guarded(const List *networks) {
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);

                if (needs_a_way_out(network) && network->tag.guard_v6)
                        return true;
        }
        return false;
}

bool uplinks_should_guard_v6(Netlink *netlink, const List *networks) {
        bool on;

        return is_guarded(networks) ||
                        (forwarding_get(netlink, AF_INET6, FORWARDING_ALL, &on, NULL) >= 0 && !on);
}

static bool contains(const NetworkUplinks *set, int ifindex) {
        for (size_t i = 0; i < set->n; i++)
                if (set->ifindexes[i] == ifindex)
                        return true;
        return false;
}

static void add(NetworkUplinks *set, int ifindex) {
        if (ifindex > 0 && set->n < NETWORK_UPLINKS_MAX && !contains(set, ifindex))
                set->ifindexes[set->n++] = ifindex;
}

static bool sets_equal(const NetworkUplinks *a, const NetworkUplinks *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->ifindexes[i] != b->ifindexes[i])
                        return false;
        return true;
}

/* What an update looks at, and what follows from it. */
typedef struct Surroundings {
        RouteList v4, v6;
        NetworkUplinks devices; /* to be forwarded from by us */
        int *closed; /* bridges of networks that are kept from what is near; ends with 0 */
} Surroundings;

static void surroundings_done(Surroundings *surroundings) {
        route_list_done(&surroundings->v4);
        route_list_done(&surroundings->v6);
        free(surroundings->closed);
}

static bool is_of_interest(const Route *route) {
        return (route_is_default(route) && route->unicast) || lan_is_public_and_near(route);
}

/* Also while it goes: its guests are there until their taps are not. */
static bool is_kept_from_lan(const Network *network) {
        return network->tag.plan.kind == NETWORK_NAT && !network->tag.plan.reach_lan &&
                        !network->bridge_gone && network->ifindex > 0;
}

static int find_closed(const List *networks, int **ret) {
        size_t n = 0;
        int *closed;

        LIST_FOREACH(networks, node)
                n += is_kept_from_lan(container_of(node, Network, link));
        closed = n > 0 ? calloc(n + 1, sizeof(int)) : NULL;
        if (n > 0 && !closed)
                return -ENOMEM;
        *ret = closed;
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);

                if (is_kept_from_lan(network))
                        *closed++ = network->ifindex;
        }
        return 0;
}

/* Those of the devices that lead out on which forwarding is off, or on by us. */
static void find_devices(const Uplinks *uplinks, Netlink *netlink, Surroundings *surroundings) {
        NetworkUplinks all = { .n = 0 };
        bool on;

        for (size_t i = 0; i < surroundings->v4.n; i++) {
                const Route *route = &surroundings->v4.routes[i];

                for (size_t k = 0; k < ROUTE_DEVICES_MAX && route_is_default(route); k++)
                        add(&all, route->devices[k]);
        }
        for (size_t i = 0; i < all.n; i++) {
                int ifindex = all.ifindexes[i];

                if (contains(&uplinks->ours, ifindex) ||
                                (forwarding_get(netlink, AF_INET, ifindex, &on, NULL) >= 0 && !on))
                        add(&surroundings->devices, ifindex);
        }
}

/* A tunnel has no neighbours: what a VPN leads to is as far as the Internet. */
static bool has_neighbours(Netlink *netlink, int ifindex) {
        LinkInfo link;

        return link_get(netlink, ifindex, &link, NULL) < 0 ||
                        !(link.flags & (IFF_POINTOPOINT | IFF_NOARP));
}

/* Routes of one device mostly follow each other. */
static void leave_out_tunnels(RouteList *routes, Netlink *netlink) {
        int device = 0;
        bool near = true;

        for (size_t i = 0; i < routes->n; i++) {
                Route *route = &routes->routes[i];

                if (!lan_is_public_and_near(route))
                        continue;
                if (route->devices[0] != device)
                        near = has_neighbours(netlink, route->devices[0]);
                device = route->devices[0];
                route->on_link = near;
        }
}

/* forward: whether the host does not do so anyway. */
static int look_around(const Uplinks *uplinks, Netlink *netlink, bool forward, Surroundings *ret,
                Failure *failure) {
        int r = route_list_read(&ret->v4, netlink, AF_INET, is_of_interest, failure);

        if (r >= 0 && ret->closed)
                r = route_list_read(&ret->v6, netlink, AF_INET6, is_of_interest, failure);
        if (r < 0)
                return r;
        leave_out_tunnels(&ret->v4, netlink);
        leave_out_tunnels(&ret->v6, netlink);
        if (forward)
                find_devices(uplinks, netlink, ret);
        return 0;
}

/* What was written before us is ours as well. */
static void take_over(Uplinks *uplinks, const List *networks) {
        LIST_FOREACH(networks, node) {
                const NetworkUplinks *set = &container_of(node, Network, link)->tag.uplinks;

                for (size_t i = 0; i < set->n; i++)
                        add(&uplinks->ours, set->ifindexes[i]);
        }
}

static int write_tags(Network *keeper, const NetworkUplinks *wanted, const List *networks,
                Netlink *netlink, Failure *failure) {
        int r = 0;

        if (keeper && !sets_equal(&keeper->tag.uplinks, wanted)) {
                keeper->tag.uplinks = *wanted;
                r = network_write_tag(keeper, netlink, failure);
        }
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                if (r < 0 || network == keeper || network->tag.uplinks.n == 0)
                        continue;
                network->tag.uplinks.n = 0;
                if (!network->doomed)
                        r = network_write_tag(network, netlink, failure);
        }
        return r;
}

static int set_filter(
                Uplinks *uplinks, const Surroundings *surroundings, bool v6, Failure *failure) {
        const UplinkFilter filter = {
                .devices = surroundings->devices,
                .v6 = v6,
                .closed = surroundings->closed,
                .near4 = surroundings->v4,
                .near6 = surroundings->v6,
        };
        _cleanup_free_ char *rules = NULL;
        int r = uplink_filter_rules(&filter, &rules);

        if (r < 0)
                return r;
        if (uplinks->filtered && strcmp(uplinks->filtered, rules) == 0)
                return 0;
        if (*rules == '\0')
                r = filter_apply(uplink_filter_removal, failure);
        else if (uplinks->filtered && *uplinks->filtered)
                r = filter_replace(rules, uplink_filter_removal, failure);
        else
                r = filter_create(rules, uplink_filter_removal, failure);
        if (r < 0)
                return r;
        free(uplinks->filtered);
        uplinks->filtered = TAKE_PTR(rules);
        return 0;
}

/* A device that is gone forwards nothing. */
static int switch_device(Netlink *netlink, int ifindex, bool on, Failure *failure) {
        int r = forwarding_set(netlink, ifindex, on, failure);

        return r == -ENODEV ? 0 : r;
}

static int switch_off(Uplinks *uplinks, const NetworkUplinks *wanted, Netlink *netlink,
                Failure *failure) {
        int r = 0;

        for (size_t i = 0; i < uplinks->ours.n && r >= 0; i++)
                if (!contains(wanted, uplinks->ours.ifindexes[i]))
                        r = switch_device(netlink, uplinks->ours.ifindexes[i], false, failure);
        return r;
}

static int switch_on(const NetworkUplinks *wanted, const List *networks, Netlink *netlink,
                Failure *failure) {
        int r = 0;

        for (size_t i = 0; i < wanted->n && r >= 0; i++)
                r = switch_device(netlink, wanted->ifindexes[i], true, failure);
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);

                if (r >= 0 && needs_a_way_out(network))
                        r = switch_device(netlink, network->ifindex, true, failure);
        }
        return r;
}

int uplinks_update(Uplinks *uplinks, Netlink *netlink, const List *networks, Failure *failure) {
        _cleanup_(surroundings_done) Surroundings surroundings = { .closed = NULL };
        const NetworkUplinks *wanted = &surroundings.devices;
        Network *keeper = keeper_of(networks);
        bool of_others = false;
        int r = 0;

        take_over(uplinks, networks);
        if (!keeper)
                unwatch(uplinks);
        if (keeper || uplinks->ours.n > 0)
                (void)forwarding_get(netlink, AF_INET, FORWARDING_ALL, &of_others, NULL);
        if (keeper)
                r = watch(uplinks);
        if (r >= 0)
                r = find_closed(networks, &surroundings.closed);
        if (r >= 0 && (keeper || surroundings.closed))
                r = look_around(uplinks, netlink, keeper && !of_others, &surroundings, failure);
        if (r >= 0 && !of_others)
                r = switch_off(uplinks, wanted, netlink, failure);
        if (r >= 0)
                r = write_tags(keeper, wanted, networks, netlink, failure);
        if (r >= 0)
                r = set_filter(uplinks, &surroundings, is_guarded(networks), failure);
        if (r >= 0)
                r = switch_on(wanted, networks, netlink, failure);
        if (r >= 0)
                uplinks->ours = *wanted;
        return r;
}
