/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/network-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "kernel/forwarding.h"
#include "kernel/route.h"
#include "util/bits.h"
#include "util/cleanup.h"

/* Of each range so many subnets are tried. */
#define CANDIDATES 64

/* Mixed into what the machine's id is asked for, so that it is ours alone. */
static const sd_id128_t application =
                SD_ID128_MAKE(fe, 2b, 86, 3f, 5b, 05, 4e, 4c, 9c, 2c, 4d, 3e, b9, 54, 33, a1);

/* 16 bytes that are this machine's and this network's. Without /etc/machine-id they are the name's. */
static sd_id128_t identity_of(const char *name) {
        sd_id128_t key = application, identity;

        for (size_t i = 0; name[i] && i < sizeof(key.bytes); i++)
                key.bytes[i] ^= (uint8_t)name[i];
        return sd_id128_get_machine_app_specific(key, &identity) < 0 ? key : identity;
}

Mac network_mac(const char *name) {
        const sd_id128_t identity = identity_of(name);

        return (Mac){ { 0x76, 0x6e, 0x69, 0x63, identity.bytes[0], identity.bytes[1] } };
}

/* What a network is not to clash with. */
static bool is_no_default(const Route *route) {
        return !route_is_default(route);
}

/* Whether one lies in the other. */
static bool is_taken(const RouteList *routes, const void *address, unsigned prefix) {
        for (size_t i = 0; i < routes->n; i++) {
                const Route *route = &routes->routes[i];
                unsigned bits = route->prefix < prefix ? route->prefix : prefix;

                if (bits_equal(&route->destination, address, bits))
                        return true;
        }
        return false;
}

static int refuse(Failure *failure, const char *what) {
        return failure_set(failure, FAILURE_ADDRESS_IN_USE, EADDRINUSE,
                        "The host has a route to %s already, so the network cannot have it. Choose "
                        "another address, or remove the route.",
                        what);
}

static const struct {
        uint32_t base;
        unsigned bits; /* how many numbers of subnets there are */
} ranges[] = {
        { 0x0a400000, 14 }, /* 10.64.0.0/10 */
        { 0xc0a80000, 8 },  /* 192.168.0.0/16 */
        { 0xac100000, 12 }, /* 172.16.0.0/12 */
};

/* The n-th subnet to be tried in the range: the identity's own, and those after it. */
static struct in_addr candidate(size_t range, const sd_id128_t *identity, unsigned n) {
        uint32_t number = ((uint32_t)identity->bytes[2] << 8 | identity->bytes[3]) + n;
        uint32_t subnet = number & ((1U << ranges[range].bits) - 1);

        return (struct in_addr){ htonl(ranges[range].base | subnet << 8 | 1) };
}

static int choose_v4(const RouteList *routes, NetworkPlan *plan, Failure *failure) {
        const sd_id128_t identity = identity_of(plan->name);

        for (size_t range = 0; range < sizeof(ranges) / sizeof(*ranges); range++)
                for (unsigned n = 0; n < CANDIDATES; n++) {
                        struct in_addr address = candidate(range, &identity, n);

                        if (is_taken(routes, &address, 24))
                                continue;
                        plan->v4 = address;
                        plan->v4_prefix = 24;
                        return 0;
                }
        return refuse(failure, "each private IPv4 subnet that was tried");
}

/* RFC 4193: fd, 40 random bits, and a number of the subnet. */
static int choose_v6(const RouteList *routes, NetworkPlan *plan, Failure *failure) {
        const sd_id128_t identity = identity_of(plan->name);
        struct in6_addr address = { .s6_addr = { 0xfd, [15] = 1 } };

        memcpy(address.s6_addr + 1, identity.bytes + 4, 7);
        for (unsigned n = 0; n < CANDIDATES; n++, address.s6_addr[7]++)
                if (!is_taken(routes, &address, 64)) {
                        plan->v6 = address;
                        plan->v6_prefix = 64;
                        return 0;
                }
        return refuse(failure, "each private IPv6 subnet that was tried");
}

/* The subnet of an address, as people write it. */
static const char *show_subnet(int family, const void *address, unsigned prefix,
                char buffer[static NETWORK_ADDRESS_SIZE]) {
        uint8_t bytes[sizeof(struct in6_addr)];
        size_t n = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
        char text[INET6_ADDRSTRLEN];

        memcpy(bytes, address, n);
        for (size_t bit = prefix; bit < n * 8; bit++)
                bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        snprintf(buffer, NETWORK_ADDRESS_SIZE, "%s/%u",
                        inet_ntop(family, bytes, text, sizeof(text)), prefix);
        return buffer;
}

static int complete_v4(Netlink *netlink, NetworkPlan *plan, bool choose, Failure *failure) {
        _cleanup_(route_list_done) RouteList routes = { NULL };
        char text[NETWORK_ADDRESS_SIZE];
        int r;

        if (!choose && plan->v4_prefix == 0)
                return 0;
        r = route_list_read(&routes, netlink, AF_INET, is_no_default, failure);
        if (r < 0)
                return r;
        if (choose)
                return choose_v4(&routes, plan, failure);
        return is_taken(&routes, &plan->v4, plan->v4_prefix)
                        ? refuse(failure, show_subnet(AF_INET, &plan->v4, plan->v4_prefix, text))
                        : 0;
}

static int complete_v6(Netlink *netlink, NetworkPlan *plan, bool choose, Failure *failure) {
        _cleanup_(route_list_done) RouteList routes = { NULL };
        char text[NETWORK_ADDRESS_SIZE];
        bool forwarding;
        int r;

        if (!choose && plan->v6_prefix == 0)
                return 0;
        /* Without IPv6 there is nothing to be told of it. */
        if (choose && forwarding_get(netlink, AF_INET6, FORWARDING_ALL, &forwarding, NULL) < 0)
                return 0;
        r = route_list_read(&routes, netlink, AF_INET6, is_no_default, failure);
        if (r < 0)
                return r;
        if (choose)
                return choose_v6(&routes, plan, failure);
        return is_taken(&routes, &plan->v6, plan->v6_prefix)
                        ? refuse(failure, show_subnet(AF_INET6, &plan->v6, plan->v6_prefix, text))
                        : 0;
}

int network_choose_addresses(Netlink *netlink, NetworkPlan *plan, Failure *failure) {
        const bool choose = plan->host_access && plan->v4_prefix == 0 && plan->v6_prefix == 0;
        int r = complete_v4(netlink, plan, choose, failure);

        return r < 0 ? r : complete_v6(netlink, plan, choose, failure);
}
