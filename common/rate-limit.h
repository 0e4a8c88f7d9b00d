/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * So much at once, and then so much in a time. Each thing that is done is paid for with its share
 * of the time; whoever still owes nearly all of it has done all he may, and may do one more
 * whenever a share is paid. The caller says what time it is.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct Budget {
        uint64_t paid_at; /* µs of CLOCK_MONOTONIC: when all will be forgotten */
} Budget;

/* Whether one more, which costs share, stays within most (both µs). */
static inline bool budget_has_room(
                const Budget *budget, uint64_t now_usec, uint64_t share, uint64_t most) {
        uint64_t owed = budget->paid_at > now_usec ? budget->paid_at - now_usec : 0;

        return owed + share <= most;
}

static inline void budget_spend(Budget *budget, uint64_t now_usec, uint64_t share) {
        if (budget->paid_at < now_usec)
                budget->paid_at = now_usec;
        budget->paid_at += share;
}
