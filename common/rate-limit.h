/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * So much at once, and then so much in a time. Each thing that is done is paid for with its share
 * of the time; a user who still owes nearly all of it has done all they may, and may do one more
 * whenever a share is paid. The caller says what time it is.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct RateLimit {
        uint64_t theoretical_arrival; /* µs of CLOCK_MONOTONIC: when all will be forgotten */
} RateLimit;

/* Whether one more, which costs share, stays within most (both µs). */
static inline bool rate_limit_has_room(
                const RateLimit *budget, uint64_t now_usec, uint64_t share, uint64_t most) {
        uint64_t owed = budget->theoretical_arrival > now_usec
                        ? budget->theoretical_arrival - now_usec
                        : 0;

        return owed + share <= most;
}

static inline void rate_limit_spend(RateLimit *budget, uint64_t now_usec, uint64_t share) {
        if (budget->theoretical_arrival < now_usec)
                budget->theoretical_arrival = now_usec;
        budget->theoretical_arrival += share;
}
