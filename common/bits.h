/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Whether the first bits of both are the same, in network order. */
static inline bool bits_equal(const void *a, const void *b, unsigned bits) {
        const uint8_t *x = a, *y = b;
        unsigned bytes = bits / 8, rest = bits % 8;

        return memcmp(x, y, bytes) == 0 &&
                        (rest == 0 || ((x[bytes] ^ y[bytes]) & (0xff00 >> rest) & 0xff) == 0);
}
