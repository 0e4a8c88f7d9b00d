/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/ifname.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HEX_DIGITS "0123456789abcdef"
#define ALNUM      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

int ifname_nonce(uint32_t *ret) {
        uint32_t nonce;

        if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
                return -errno;
        *ret = nonce;
        return 0;
}

const char *ifname_of_nonce(uint32_t nonce, char buffer[static IFNAMSIZ]) {
        snprintf(buffer, IFNAMSIZ, IFNAME_PREFIX "%08x", nonce);
        return buffer;
}

int ifname_parse_nonce(const char *name, uint32_t *ret) {
        const char *digits = name + strlen(IFNAME_PREFIX);

        if (strncmp(name, IFNAME_PREFIX, strlen(IFNAME_PREFIX)) != 0)
                return -EINVAL;
        if (strlen(digits) != 8 || strspn(digits, HEX_DIGITS) != 8)
                return -EINVAL;
        *ret = (uint32_t)strtoul(digits, NULL, 16);
        return 0;
}

bool ifname_is_plain(const char *name) {
        size_t n = strnlen(name, IFNAMSIZ);

        return n > 0 && n < IFNAMSIZ && name[0] != '-' && name[0] != '.' &&
                        strspn(name, ALNUM "_.+@-") == n;
}
