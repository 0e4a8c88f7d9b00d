/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes of which not every bit is known, and questions about them that are answered by yes, no or
 * maybe. A bit that is not known (0 in known) is 0 in value.
 */

#include <stddef.h>
#include <stdint.h>

typedef enum Truth {
        TRUTH_NO,
        TRUTH_MAYBE,
        TRUTH_YES,
        TRUTH_MAX,
} Truth;

/* No if one of them is no, yes if both are yes. */
Truth truth_and(Truth a, Truth b);
Truth truth_not(Truth truth);
Truth truth_of(int condition);

/* size is at most KNOWN_SIZE_MAX. */
#define KNOWN_SIZE_MAX 64

typedef struct Known {
        uint8_t value[KNOWN_SIZE_MAX], known[KNOWN_SIZE_MAX];
} Known;

/* n bytes at that offset; bytes past the end are left out. NULL: nothing is known of them. */
void known_set(Known *to, size_t offset, const void *bytes, size_t n);

/* Only the first bits of n bytes. */
void known_set_prefix(Known *to, size_t offset, const void *bytes, size_t n, unsigned bits);

/* How the n bytes at that offset compare with others, as numbers that begin with their highest
 * byte. */
Truth known_equals(const Known *known, size_t offset, const uint8_t *bytes, size_t n);
Truth known_is_below(const Known *known, size_t offset, const uint8_t *bytes, size_t n);
Truth known_is_within(const Known *known, size_t offset, const uint8_t *first, const uint8_t *last,
                size_t n);
