/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/egress.h"

#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include "kernel/link.h"
#include "networks/lan.h"
#include "networks/network-health.h"
#include "networks/network.h"

#define LOOPBACK 1 /* lo's ifindex in every network namespace */

void egress_done(Egress *egress) {
        device_set_done(&egress->v4);
        device_set_done(&egress->v6);
        route_list_done(&egress->on_link4);
        route_list_done(&egress->on_link6);
}

/* A look at one family. */
typedef struct Look {
        const List *networks;
        bool reach_lan; /* some network reaches the LAN */
        DeviceSet *devices;
        RouteList *on_link;
} Look;

static bool is_network(const List *networks, int ifindex) {
        LIST_FOREACH(networks, node)
                if (container_of(node, Network, link)->ifindex == ifindex)
                        return true;
        return false;
}

static bool someone_reaches_the_lan(const List *networks) {
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);

                if (network->tag.plan.kind == NETWORK_NAT && network->tag.plan.reach_lan &&
                                !network_is_ending(network))
                        return true;
        }
        return false;
}

static int add_devices(const Look *look, const Route *route) {
        int r = 0;

        for (size_t i = 0; i < ROUTE_DEVICES_MAX && route->devices[i] > 0 && r >= 0; i++)
                if (route->devices[i] != LOOPBACK && !is_network(look->networks, route->devices[i]))
                        r = device_set_add(look->devices, route->devices[i]);
        return r;
}

static int see_route(const Route *route, void *userdata) {
        const Look *look = userdata;
        int r = 0;

        network_health_see_route(look->networks, route);
        if (!route->unicast || lan_is_never_passed_on(route))
                return 0;
        if (lan_is_public_and_on_link(route))
                r = route_list_add(look->on_link, route);
        else if (look->reach_lan || !lan_is_private(route))
                return add_devices(look, route);
        return r >= 0 && look->reach_lan ? add_devices(look, route) : r;
}

/* A tunnel has no neighbours: what a VPN leads to counts as the Internet. */
static bool has_neighbours(Netlink *netlink, int ifindex) {
        LinkInfo link;

        return link_get(netlink, ifindex, &link, NULL) < 0 ||
                        !(link.flags & (IFF_POINTOPOINT | IFF_NOARP));
}

/* Routes of one device mostly follow one another. */
static int leave_out_tunnels(const Look *look, Netlink *netlink) {
        int device = 0, r = 0;
        bool on_link = true;
        size_t n = 0;

        for (size_t i = 0; i < look->on_link->n && r >= 0; i++) {
                const Route *route = &look->on_link->routes[i];

                if (route->devices[0] != device)
                        on_link = has_neighbours(netlink, route->devices[0]);
                device = route->devices[0];
                if (on_link)
                        look->on_link->routes[n++] = *route;
                else
                        r = add_devices(look, route);
        }
        look->on_link->n = n;
        return r;
}

static int look_at_family(const Look *look, Netlink *netlink, int family, Failure *failure) {
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r) {
                look->devices->n = 0;
                look->on_link->n = 0;
                r = route_dump(netlink, family, see_route, (void *)look, failure);
        }
        return r < 0 ? r : leave_out_tunnels(look, netlink);
}

int egress_look(Egress *egress, Netlink *netlink, const List *networks, Failure *failure) {
        Look look = {
                .networks = networks,
                .reach_lan = someone_reaches_the_lan(networks),
                .devices = &egress->v4,
                .on_link = &egress->on_link4,
        };
        int r = look_at_family(&look, netlink, AF_INET, failure);

        if (r < 0)
                return r;
        look.devices = &egress->v6;
        look.on_link = &egress->on_link6;
        return look_at_family(&look, netlink, AF_INET6, failure);
}

bool egress_is_news(const Egress *egress, const Route *route) {
        const DeviceSet *devices = route->family == AF_INET ? &egress->v4 : &egress->v6;

        return !route->unicast || route->on_link || route->devices[0] == 0 ||
                        route->devices[1] != 0 || !device_set_has(devices, route->devices[0]);
}
