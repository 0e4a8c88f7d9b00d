/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A rate limit that permits bursts (the generic cell rate algorithm, a token bucket in one number):
 * each action costs a share of time, which passes by itself, and is permitted while the accumulated
 * cost stays within a maximum. The caller supplies the time.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct RateLimit {
        uint64_t theoretical_arrival; /* µs of CLOCK_MONOTONIC: when nothing will count any more */
} RateLimit;

/* Whether one more action, which costs that much, stays within max (both µs). */
static inline bool rate_limit_has_room(
                const RateLimit *limit, uint64_t now_usec, uint64_t cost, uint64_t max) {
        uint64_t accumulated = limit->theoretical_arrival > now_usec
                        ? limit->theoretical_arrival - now_usec
                        : 0;

        return accumulated + cost <= max;
}

static inline void rate_limit_spend(RateLimit *limit, uint64_t now_usec, uint64_t cost) {
        if (limit->theoretical_arrival < now_usec)
                limit->theoretical_arrival = now_usec;
        limit->theoretical_arrival += cost;
}
