/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Clocks that only advance, and that no administrator can set. */

#include <stdint.h>
#include <time.h>

#define USEC_PER_SEC UINT64_C(1000000)

static inline uint64_t clock_usec(clockid_t clock) {
        struct timespec now = { 0 };

        (void)clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t clock_now_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}

/* The CPU time of this thread. */
static inline uint64_t clock_thread_usec(void) {
        return clock_usec(CLOCK_THREAD_CPUTIME_ID);
}
