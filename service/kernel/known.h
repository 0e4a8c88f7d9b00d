/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes of which not every bit is known, and questions about them whose answer is yes, no or maybe.
 * A bit that is not known (0 in known) is 0 in value.
 */

#include <stddef.h>
#include <stdint.h>

typedef enum Truth {
        TRUTH_NO,
        TRUTH_MAYBE,
        TRUTH_YES,
        TRUTH_MAX,
} Truth;

/* No if either is no, yes if both are yes, else maybe. */
Truth truth_and(Truth a, Truth b);
Truth truth_not(Truth truth);
Truth truth_of(int condition);

/* size is at most KNOWN_SIZE_MAX. */
#define KNOWN_SIZE_MAX 64

typedef struct Known {
        uint8_t value[KNOWN_SIZE_MAX], known[KNOWN_SIZE_MAX];
} Known;

/* Sets n bytes at that offset; bytes past the end are ignored. NULL: they become unknown. */
void known_set(Known *to, size_t offset, const void *bytes, size_t n);

/* Sets n bytes of which only the first bits are known. */
void known_set_prefix(Known *to, size_t offset, const void *bytes, size_t n, unsigned bits);

/* How the n bytes at that offset compare with others, as big-endian numbers. */
Truth known_equals(const Known *known, size_t offset, const uint8_t *bytes, size_t n);
Truth known_is_below(const Known *known, size_t offset, const uint8_t *bytes, size_t n);
Truth known_is_within(const Known *known, size_t offset, const uint8_t *first, const uint8_t *last,
                size_t n);
