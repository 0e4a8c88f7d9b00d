/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/known.h"

#include <stdbool.h>
#include <string.h>

Truth truth_and(Truth a, Truth b) {
        return a < b ? a : b;
}

Truth truth_not(Truth truth) {
        return truth == TRUTH_MAYBE ? TRUTH_MAYBE : truth == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
}

Truth truth_of(int condition) {
        return condition ? TRUTH_YES : TRUTH_NO;
}

static size_t bounded(size_t offset, size_t n) {
        if (offset >= KNOWN_SIZE_MAX)
                return 0;
        return n < KNOWN_SIZE_MAX - offset ? n : KNOWN_SIZE_MAX - offset;
}

void known_set(Known *to, size_t offset, const void *bytes, size_t n) {
        known_set_prefix(to, offset, bytes, n, bytes ? (unsigned)n * 8 : 0);
}

void known_set_prefix(Known *to, size_t offset, const void *bytes, size_t n, unsigned bits) {
        const uint8_t *from = bytes;

        n = bounded(offset, n);
        for (size_t i = 0; i < n; i++) {
                unsigned rest = bits > i * 8 ? bits - (unsigned)i * 8 : 0;
                uint8_t mask = (uint8_t)(rest >= 8 ? 0xff : 0xff00 >> rest);

                to->known[offset + i] = mask;
                to->value[offset + i] = from ? from[i] & mask : 0;
        }
}

/* The least and the greatest value that it can have. */
static void find_ends(const Known *known, size_t offset, size_t n, uint8_t *ret_least,
                uint8_t *ret_greatest) {
        for (size_t i = 0; i < n; i++) {
                ret_least[i] = known->value[offset + i];
                ret_greatest[i] = known->value[offset + i] | (uint8_t)~known->known[offset + i];
        }
}

Truth known_equals(const Known *known, size_t offset, const uint8_t *bytes, size_t n) {
        bool whole = true;

        if (bounded(offset, n) < n)
                return TRUTH_MAYBE;
        for (size_t i = 0; i < n; i++) {
                const uint8_t mask = known->known[offset + i];

                if ((bytes[i] & mask) != known->value[offset + i])
                        return TRUTH_NO;
                whole = whole && mask == 0xff;
        }
        return whole ? TRUTH_YES : TRUTH_MAYBE;
}

Truth known_is_below(const Known *known, size_t offset, const uint8_t *bytes, size_t n) {
        uint8_t least[KNOWN_SIZE_MAX], greatest[KNOWN_SIZE_MAX];

        if (bounded(offset, n) < n)
                return TRUTH_MAYBE;
        find_ends(known, offset, n, least, greatest);
        if (memcmp(greatest, bytes, n) < 0)
                return TRUTH_YES;
        return memcmp(least, bytes, n) >= 0 ? TRUTH_NO : TRUTH_MAYBE;
}

Truth known_is_within(const Known *known, size_t offset, const uint8_t *first, const uint8_t *last,
                size_t n) {
        uint8_t least[KNOWN_SIZE_MAX], greatest[KNOWN_SIZE_MAX];

        if (bounded(offset, n) < n)
                return TRUTH_MAYBE;
        find_ends(known, offset, n, least, greatest);
        if (memcmp(greatest, first, n) < 0 || memcmp(least, last, n) > 0)
                return TRUTH_NO;
        return truth_of(memcmp(least, first, n) >= 0 && memcmp(greatest, last, n) <= 0) == TRUTH_YES
                        ? TRUTH_YES
                        : TRUTH_MAYBE;
}
