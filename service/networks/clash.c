/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/clash.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/bits.h"

bool clash_overlap(const void *a, unsigned a_prefix, const void *b, unsigned b_prefix) {
        return bits_equal(a, b, a_prefix < b_prefix ? a_prefix : b_prefix);
}

bool clash_with_route(const Route *route, const void *address, unsigned prefix) {
        return !route_is_default(route) && route->prefix >= prefix &&
                        bits_equal(&route->destination, address, prefix);
}

bool clash_with_address(const AddressInfo *other, const void *address, unsigned prefix) {
        return clash_overlap(&other->subnet, other->prefix, address, prefix);
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
