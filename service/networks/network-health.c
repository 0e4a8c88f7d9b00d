/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network-health.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "networks/network-address.h"
#include "networks/network.h"

/* Guests know the host by this address, whichever others it has. */
static const struct in6_addr link_local = { { { 0xfe, 0x80, [15] = 1 } } };

void network_health_begin(const List *networks) {
        LIST_FOREACH(networks, node)
                container_of(node, Network, link)->clash[0] = '\0';
}

/* Its subnet of the family; prefix 0: none. */
static const void *subnet_of(const Network *network, int family, unsigned *ret_prefix) {
        const NetworkPlan *plan = &network->tag.plan;

        *ret_prefix = family == AF_INET ? plan->v4_prefix : plan->v6_prefix;
        return family == AF_INET ? (const void *)&plan->v4 : &plan->v6;
}

static bool clashes(const Network *network, const Route *route) {
        unsigned prefix;
        const void *subnet = subnet_of(network, route->family, &prefix);

        return prefix > 0 && route->devices[0] != network->ifindex &&
                        clash_with_route(route, subnet, prefix);
}

bool network_health_is_concerned(const List *networks, const Route *route) {
        LIST_FOREACH(networks, node)
                if (clashes(container_of(node, Network, link), route))
                        return true;
        return false;
}

void network_health_see_route(const List *networks, const Route *route) {
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                if (*network->clash == '\0' && clashes(network, route))
                        clash_show(route->family, &route->destination, route->prefix,
                                        network->clash);
        }
}

static void see_other_address(Network *network, const AddressInfo *address) {
        unsigned prefix;
        const void *subnet = subnet_of(network, address->family, &prefix);

        if (prefix > 0 && clash_with_address(address, subnet, prefix))
                clash_show(address->family, &address->subnet, address->prefix, network->clash);
}

static bool is_there(const AddressList *addresses, const AddressInfo *wanted) {
        const size_t n = wanted->family == AF_INET ? sizeof(struct in_addr)
                                                   : sizeof(struct in6_addr);

        for (size_t i = 0; i < addresses->n; i++) {
                const AddressInfo *address = &addresses->addresses[i];

                if (address->family == wanted->family && address->ifindex == wanted->ifindex &&
                                address->prefix == wanted->prefix &&
                                memcmp(&address->local, &wanted->local, n) == 0)
                        return true;
        }
        return false;
}

static void add_if_missing(Network *network, const AddressList *addresses, AddressInfo wanted) {
        const size_t n = strlen(network->missing);
        char text[INET6_ADDRSTRLEN];

        wanted.ifindex = network->ifindex;
        if (is_there(addresses, &wanted))
                return;
        snprintf(network->missing + n, sizeof(network->missing) - n, "%s%s/%u", n > 0 ? ", " : "",
                        inet_ntop(wanted.family, &wanted.local, text, sizeof(text)), wanted.prefix);
}

static void find_missing(Network *network, const AddressList *addresses) {
        const NetworkPlan *plan = &network->tag.plan;

        network->missing[0] = '\0';
        if (plan->v4_prefix > 0)
                add_if_missing(network, addresses,
                                (AddressInfo){ .family = AF_INET,
                                                .prefix = plan->v4_prefix,
                                                .local.v4 = plan->v4 });
        if (plan->v6_prefix == 0)
                return;
        add_if_missing(network, addresses,
                        (AddressInfo){ .family = AF_INET6,
                                        .prefix = plan->v6_prefix,
                                        .local.v6 = plan->v6 });
        add_if_missing(network, addresses,
                        (AddressInfo){ .family = AF_INET6,
                                        .prefix = plan->v6_prefix,
                                        .local.v6 = link_local });
}

void network_health_see_addresses(const List *networks, const AddressList *addresses) {
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                find_missing(network, addresses);
                for (size_t i = 0; i < addresses->n && *network->clash == '\0'; i++)
                        if (addresses->addresses[i].ifindex != network->ifindex)
                                see_other_address(network, &addresses->addresses[i]);
        }
}

static void tell_clash(Network *network) {
        char text[320];

        snprintf(text, sizeof(text),
                        "The host has come to have %s on another link, or a route to it: that is in the network's own subnet, so one of them hides the other. Remove it, or give the network another address.",
                        network->clash);
        network_warn(network, NETWORK_WARNING_CLASH, *network->clash ? text : NULL);
}

static void tell_missing(Network *network) {
        const bool v6 = strchr(network->missing, ':');
        char text[480];

        snprintf(text, sizeof(text),
                        "Its bridge has lost what the host is known by to the guests: %s. They have no router and no names there.%s Put it back with \"ip address add\", or let the network come up anew.",
                        network->missing,
                        v6 ? " IPv6 is lost with net.ipv6.conf.*.disable_ipv6." : "");
        network_warn(network, NETWORK_WARNING_ADDRESSES, *network->missing ? text : NULL);
}

void network_health_tell(const List *networks) {
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                if (!network_is_up(network))
                        continue;
                tell_clash(network);
                tell_missing(network);
        }
}
