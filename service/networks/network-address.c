/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "common/bits.h"
#include "common/cleanup.h"
#include "kernel/forwarding.h"

/* Whether the two subnets have an address in common. */
static bool overlap(const void *a, unsigned a_prefix, const void *b, unsigned b_prefix) {
        return bits_equal(a, b, a_prefix < b_prefix ? a_prefix : b_prefix);
}

bool clash_with_route(const Route *route, const void *address, unsigned prefix) {
        return !route_is_default(route) && route->prefix >= prefix &&
                        bits_equal(&route->destination, address, prefix);
}

bool clash_with_address(const AddressInfo *other, const void *address, unsigned prefix) {
        return overlap(&other->subnet, other->prefix, address, prefix);
}

const char *clash_show(int family, const void *address, unsigned prefix,
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

/* So many subnets of each range are tried. */
#define CANDIDATES 64

/* Mixed into the machine ID, so that the result is ours alone. */
static const sd_id128_t application =
                SD_ID128_MAKE(fe, 2b, 86, 3f, 5b, 05, 4e, 4c, 9c, 2c, 4d, 3e, b9, 54, 33, a1);

/* 16 bytes for this machine and this network; without /etc/machine-id, for the name alone. */
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

/* What the host has of one family. */
typedef struct Taken {
        int family;
        AddressList addresses;
        RouteList routes;
} Taken;

static void taken_done(Taken *taken) {
        address_list_done(&taken->addresses);
        route_list_done(&taken->routes);
}

static bool is_of_interest(const Route *route) {
        return !route_is_default(route);
}

static int look(Taken *taken, Netlink *netlink, Failure *failure) {
        int r = address_list_read(&taken->addresses, netlink, failure);

        return r < 0 ? r
                     : route_list_read(&taken->routes, netlink, taken->family, is_of_interest,
                                       failure);
}

/* Writes what the subnet clashes with; "": nothing. */
static const char *find_clash(const Taken *taken, const void *address, unsigned prefix,
                char buffer[static NETWORK_ADDRESS_SIZE]) {
        for (size_t i = 0; i < taken->addresses.n; i++) {
                const AddressInfo *other = &taken->addresses.addresses[i];

                if (other->family == taken->family && clash_with_address(other, address, prefix))
                        return clash_show(taken->family, &other->subnet, other->prefix, buffer);
        }
        for (size_t i = 0; i < taken->routes.n; i++) {
                const Route *route = &taken->routes.routes[i];

                if (clash_with_route(route, address, prefix))
                        return clash_show(
                                        taken->family, &route->destination, route->prefix, buffer);
        }
        buffer[0] = '\0';
        return buffer;
}

/* Whether any route leads there now, even a wider one: a network that can be anywhere avoids what a
 * VPN leads to, as long as there is room elsewhere. */
static bool is_led_to(const Taken *taken, const void *address, unsigned prefix) {
        for (size_t i = 0; i < taken->routes.n; i++) {
                const Route *route = &taken->routes.routes[i];

                if (overlap(&route->destination, route->prefix, address, prefix))
                        return true;
        }
        return false;
}

static bool can_be_had(const Taken *taken, const void *address, unsigned prefix, bool untouched) {
        char text[NETWORK_ADDRESS_SIZE];

        return *find_clash(taken, address, prefix, text) == '\0' &&
                        (!untouched || !is_led_to(taken, address, prefix));
}

static int refuse_all(Failure *failure, const char *family) {
        return failure_set(failure, FAILURE_ADDRESS_IN_USE, EADDRINUSE,
                        "The host has each private %s subnet that was tried on a link of its own, or a route to it, so the network cannot have it. Choose an address for the network.",
                        family);
}

static int refuse(Failure *failure, const char *subnet, const char *other) {
        return failure_set(failure, FAILURE_ADDRESS_IN_USE, EADDRINUSE,
                        "The network cannot have the subnet %s: the host has %s on a link of its own, or a route to it. Choose another address, or remove that.",
                        subnet, other);
}

static const struct {
        uint32_t base;
        unsigned bits; /* there are 2^bits subnets */
} ranges[] = {
        { 0x0a400000, 14 }, /* 10.64.0.0/10 */
        { 0xc0a80000, 8 },  /* 192.168.0.0/16 */
        { 0xac100000, 12 }, /* 172.16.0.0/12 */
};

/* The n-th subnet to try in the range: the identity's own, and those after it. */
static struct in_addr candidate(size_t range, const sd_id128_t *identity, unsigned n) {
        uint32_t number = ((uint32_t)identity->bytes[2] << 8 | identity->bytes[3]) + n;
        uint32_t subnet = number & ((1U << ranges[range].bits) - 1);

        return (struct in_addr){ htonl(ranges[range].base | subnet << 8 | 1) };
}

static bool try_v4(const Taken *taken, NetworkPlan *plan, bool untouched) {
        const sd_id128_t identity = identity_of(plan->name);

        for (size_t range = 0; range < sizeof(ranges) / sizeof(*ranges); range++)
                for (unsigned n = 0; n < CANDIDATES; n++) {
                        struct in_addr address = candidate(range, &identity, n);

                        if (!can_be_had(taken, &address, 24, untouched))
                                continue;
                        plan->v4 = address;
                        plan->v4_prefix = 24;
                        return true;
                }
        return false;
}

/* RFC 4193: fd, 40 random bits, and a number of the subnet. */
static bool try_v6(const Taken *taken, NetworkPlan *plan, bool untouched) {
        const sd_id128_t identity = identity_of(plan->name);
        struct in6_addr address = { .s6_addr = { 0xfd, [15] = 1 } };

        memcpy(address.s6_addr + 1, identity.bytes + 4, 7);
        for (unsigned n = 0; n < CANDIDATES; n++, address.s6_addr[7]++)
                if (can_be_had(taken, &address, 64, untouched)) {
                        plan->v6 = address;
                        plan->v6_prefix = 64;
                        return true;
                }
        return false;
}

static int check(const Taken *taken, const void *address, unsigned prefix, Failure *failure) {
        char subnet[NETWORK_ADDRESS_SIZE], other[NETWORK_ADDRESS_SIZE];

        if (*find_clash(taken, address, prefix, other) == '\0')
                return 0;
        return refuse(failure, clash_show(taken->family, address, prefix, subnet), other);
}

static int complete_v4(Netlink *netlink, NetworkPlan *plan, bool choose, Failure *failure) {
        _cleanup_(taken_done) Taken taken = { .family = AF_INET };
        int r;

        if (!choose && plan->v4_prefix == 0)
                return 0;
        r = look(&taken, netlink, failure);
        if (r < 0)
                return r;
        if (!choose)
                return check(&taken, &plan->v4, plan->v4_prefix, failure);
        return try_v4(&taken, plan, true) || try_v4(&taken, plan, false)
                        ? 0
                        : refuse_all(failure, "IPv4");
}

static int complete_v6(Netlink *netlink, NetworkPlan *plan, bool choose, Failure *failure) {
        _cleanup_(taken_done) Taken taken = { .family = AF_INET6 };
        bool forwarding;
        int r;

        if (!choose && plan->v6_prefix == 0)
                return 0;
        /* A kernel without IPv6 does not know the setting. */
        r = choose ? forwarding_get(netlink, AF_INET6, FORWARDING_ALL, &forwarding, failure) : 0;
        if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT) {
                plan->v6_left_out = true;
                return 0;
        }
        if (r < 0)
                return r;
        r = look(&taken, netlink, failure);
        if (r < 0)
                return r;
        if (!choose)
                return check(&taken, &plan->v6, plan->v6_prefix, failure);
        return try_v6(&taken, plan, true) || try_v6(&taken, plan, false)
                        ? 0
                        : refuse_all(failure, "IPv6");
}

int network_choose_addresses(Netlink *netlink, NetworkPlan *plan, Failure *failure) {
        const bool choose = plan->host_access && plan->v4_prefix == 0 && plan->v6_prefix == 0;
        int r = complete_v4(netlink, plan, choose, failure);

        return r < 0 ? r : complete_v6(netlink, plan, choose, failure);
}
