/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The time that only passes: CLOCK_MONOTONIC, which no administrator sets back. */

#include <stdint.h>
#include <time.h>

#define USEC_PER_SEC UINT64_C(1000000)

static inline uint64_t clock_now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}
