/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every unit test needs: cmocka with the headers it requires before it, and short forms for
 * frequent assertions. A test program is one noun; its cases are sentences.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

#define assert_ok(call) assert_true((call) >= 0)

/* A small generator (xorshift64*) with a fixed seed: a failure can be repeated. */
static inline uint64_t random_next(uint64_t *state) {
        uint64_t x = *state;

        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        *state = x;
        return x * UINT64_C(2685821657736338717);
}

#define RANDOM_SEED UINT64_C(0x9e3779b97f4a7c15)
