/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/mac.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int mac_parse(const char *text, Mac *ret) {
        Mac mac;

        if (strlen(text) != MAC_TEXT_SIZE - 1)
                return -EINVAL;
        for (size_t i = 0; i < ETH_ALEN; i++) {
                const char *byte = text + 3 * i;

                if (!isxdigit((unsigned char)byte[0]) || !isxdigit((unsigned char)byte[1]))
                        return -EINVAL;
                if (byte[2] != (i < ETH_ALEN - 1 ? ':' : '\0'))
                        return -EINVAL;
                sscanf(byte, "%2hhx", &mac.ether_addr_octet[i]);
        }
        *ret = mac;
        return 0;
}

const char *mac_format(const Mac *mac, char buffer[static MAC_TEXT_SIZE]) {
        const uint8_t *o = mac->ether_addr_octet;

        snprintf(buffer, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", o[0], o[1], o[2], o[3],
                        o[4], o[5]);
        return buffer;
}

bool mac_equal(const Mac *a, const Mac *b) {
        return memcmp(a, b, sizeof(Mac)) == 0;
}

bool mac_is_usable(const Mac *mac) {
        static const Mac zero;

        return (mac->ether_addr_octet[0] & 1) == 0 && !mac_equal(mac, &zero);
}

int mac_generate(Mac *ret) {
        Mac mac = { .ether_addr_octet = { 0x52, 0x54, 0x00 } };

        if (getrandom(mac.ether_addr_octet + 3, 3, 0) != 3)
                return -errno;
        *ret = mac;
        return 0;
}

Mac mac_of_host_side(const Mac *guest) {
        Mac mac = *guest;

        mac.ether_addr_octet[0] = guest->ether_addr_octet[0] == 0xfe ? 0xfa : 0xfe;
        return mac;
}
