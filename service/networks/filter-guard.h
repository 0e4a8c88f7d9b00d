/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches packet filters of ours that somebody else can change: what they were made as, whether
 * they are still that, and how often they were restored. Their owner makes them, and decides what
 * to do about a change.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/reconcile.h"
#include "kernel/filter-digest.h"

/* However much is changed, they are compared ten times a second at most. */
#define FILTER_GUARD_INTERVAL_USEC (100 * 1000)

/* What the last comparison, or the last attempt to make them, has found. */
typedef enum FilterGuardState {
        FILTER_GUARD_BROKEN, /* they are not, or not yet, what they should be */
        FILTER_GUARD_WHOLE,
        FILTER_GUARD_GIVEN_UP, /* broken, and undone too often: left so for now */
        FILTER_GUARD_SETTLING, /* whole again after that, which may be for a moment only */
        FILTER_GUARD_STATE_MAX,
} FilterGuardState;

typedef struct FilterGuard {
        Reconcilable reconcilable;
        RestoreLimit limit;
        uint64_t restored_usec; /* when the last attempt was made; 0: never */
        uint64_t digest;        /* of what was made; 0: not known, or nothing was made */
        FilterGuardState state;
        bool touched; /* since they were compared */
} FilterGuard;

typedef enum FilterState {
        FILTERS_WHOLE,
        FILTERS_DIFFER,
        FILTERS_UNCLEAR, /* filters change too fast to tell, or the kernel did not answer */
} FilterState;

/* WHOLE or SETTLING. */
bool filter_guard_is_whole(const FilterGuard *guard);

/* GIVEN_UP or SETTLING: people are warned. */
bool filter_guard_is_given_up(const FilterGuard *guard);

/* Gives what the tables are now, as one number; 0: it cannot be told. netlink: of
 * NETLINK_NETFILTER. -ENOENT: one of them does not exist. -EINTR: filters were changed meanwhile,
 * and *ret is what was read. -errno of filter_digest(). */
int filter_guard_read(Netlink *netlink, const FilterTable *tables, size_t n, uint64_t *ret);

/* They were just made, and are to stay what filter_guard_read() has said. */
void filter_guard_take(FilterGuard *guard, uint64_t digest);

/* The same filters were made once more: an earlier digest stays valid, since somebody may have
 * changed them again before this one was read. */
void filter_guard_take_again(FilterGuard *guard, uint64_t digest);

FilterState filter_guard_compare(
                const FilterGuard *guard, Netlink *netlink, const FilterTable *tables, size_t n);

/* They may have changed: marks them to be compared, if there is anything to compare. */
void filter_guard_touch(FilterGuard *guard, Reconciler *reconciler);

/* They differ. Whether they may be restored now; if not, they are given up until they may, and are
 * marked for that time. */
bool filter_guard_may_restore(FilterGuard *guard, Reconciler *reconciler);

/* They are whole. Whether they have just stopped being given up; if they may be whole for a moment
 * only, they are marked to be compared again. */
bool filter_guard_settle(FilterGuard *guard, Reconciler *reconciler);

/* If they have been touched, they are compared now rather than later. */
void filter_guard_reconcile_now(FilterGuard *guard);
