/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/lan.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/bits.h"

/* Private, shared, link-local, multicast, reserved. */
static const struct {
        int family;
        unsigned prefix;
        uint8_t address[sizeof(struct in6_addr)];
        bool ends_here; /* no router forwards what is sent there */
} ranges[] = {
        { AF_INET, 8, { 0 }, true },
        { AF_INET, 8, { 10 }, false },
        { AF_INET, 10, { 100, 64 }, false },
        { AF_INET, 8, { 127 }, true },
        { AF_INET, 16, { 169, 254 }, true },
        { AF_INET, 12, { 172, 16 }, false },
        { AF_INET, 16, { 192, 168 }, false },
        { AF_INET, 3, { 224 }, true },
        { AF_INET6, 80, { 0 }, false },
        { AF_INET6, 7, { 0xfc }, false },
        { AF_INET6, 10, { 0xfe, 0x80 }, true },
        { AF_INET6, 10, { 0xfe, 0xc0 }, false },
        { AF_INET6, 8, { 0xff }, true },
};

#define RANGES (sizeof(ranges) / sizeof(*ranges))

void lan_write_private(FILE *file, int family) {
        const char *separator = "{ ";
        char text[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < RANGES; i++) {
                if (ranges[i].family != family)
                        continue;
                fprintf(file, "%s%s/%u", separator,
                                inet_ntop(family, ranges[i].address, text, sizeof(text)),
                                ranges[i].prefix);
                separator = ", ";
        }
        fputs(" }", file);
}

static bool is_within(size_t range, const Route *route) {
        return ranges[range].family == route->family && ranges[range].prefix <= route->prefix &&
                        bits_equal(ranges[range].address, &route->destination,
                                        ranges[range].prefix);
}

bool lan_is_private(const Route *route) {
        for (size_t i = 0; i < RANGES; i++)
                if (is_within(i, route))
                        return true;
        return false;
}

bool lan_is_never_passed_on(const Route *route) {
        for (size_t i = 0; i < RANGES; i++)
                if (ranges[i].ends_here && is_within(i, route))
                        return true;
        return false;
}

bool lan_is_public_and_on_link(const Route *route) {
        return route->on_link && !route_is_default(route) && !lan_is_private(route);
}
