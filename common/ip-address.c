/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ip-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int ip_address_parse(const char *text, IpAddress *ret) {
        IpAddress address = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

        if (inet_pton(address.family, text, address.bytes) != 1)
                return -EINVAL;
        *ret = address;
        return 0;
}

const char *ip_address_format(const IpAddress *address, char buffer[static IP_ADDRESS_TEXT_SIZE]) {
        return inet_ntop(address->family, address->bytes, buffer, IP_ADDRESS_TEXT_SIZE);
}

int ip_address_compare(const IpAddress *a, const IpAddress *b) {
        if (a->family != b->family)
                return a->family == AF_INET ? -1 : 1;
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ip_address_is_usable(const IpAddress *address) {
        static const uint8_t loopback[16] = { [15] = 1 }, any[16] = { 0 };

        if (address->family == AF_INET)
                return address->bytes[0] != 0 && address->bytes[0] != 127 &&
                                address->bytes[0] < 224;
        return address->bytes[0] != 0xff && memcmp(address->bytes, loopback, 16) != 0 &&
                        memcmp(address->bytes, any, 16) != 0;
}

bool ip_address_is_link_local(const IpAddress *address) {
        return address->family == AF_INET6 && address->bytes[0] == 0xfe &&
                        (address->bytes[1] & 0xc0) == 0x80;
}

bool ip_address_is_in(const IpAddress *address, const void *subnet, unsigned prefix) {
        const uint8_t *bytes = subnet;
        const unsigned whole = prefix / 8, rest = prefix % 8;

        return memcmp(address->bytes, bytes, whole) == 0 &&
                        (rest == 0 || ((address->bytes[whole] ^ bytes[whole]) >> (8 - rest)) == 0);
}
