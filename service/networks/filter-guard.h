/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Packet filters of ours that somebody else can change: what they were made as, whether they still
 * are that, and how often they were restored. Whoever owns them makes them, and says what to do
 * about a change.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/reconcile.h"
#include "kernel/filter-digest.h"

/* However much is changed, they are compared ten times a second. */
#define FILTER_GUARD_INTERVAL_USEC (100 * 1000)

typedef struct FilterGuard {
        Reconcilable reconcilable;
        RestoreLimit limit;
        uint64_t restored_usec; /* when that was tried last; 0: never */
        uint64_t digest;        /* of what was made; 0: it is not known, or there is nothing */
        bool touched;           /* since they were compared */
        bool whole;             /* when they were compared last, or made */
        bool given_up; /* undone too often, and for a moment after they were restored at last */
} FilterGuard;

typedef enum FilterState {
        FILTERS_WHOLE,
        FILTERS_DIFFER,
        FILTERS_UNCLEAR, /* too much is being changed to tell, or the kernel did not answer */
} FilterState;

/* What the tables are now, as one number; 0: it cannot be told. netlink: of NETLINK_NETFILTER.
 * -ENOENT: one of them is not there. -EINTR: filters were changed meanwhile, and *ret is what
 * was read. -errno as filter_digest(). */
int filter_guard_read(Netlink *netlink, const FilterTable *tables, size_t n, uint64_t *ret);

/* They were made just now, and are to stay what filter_guard_read() has said. */
void filter_guard_take(FilterGuard *guard, uint64_t digest);

/* The same filters were made once more: what is known of them stands, since somebody may have
 * changed them again before this digest was read. */
void filter_guard_take_again(FilterGuard *guard, uint64_t digest);

FilterState filter_guard_compare(
                const FilterGuard *guard, Netlink *netlink, const FilterTable *tables, size_t n);

/* They differ. Whether they may be restored now; if not, they are given up until they may, which
 * they are marked for. */
bool filter_guard_may_restore(FilterGuard *guard, Reconciler *reconciler);

/* They are whole. Whether that is the end of their being given up; where it may be for a moment
 * only, they are marked to be compared again. */
bool filter_guard_settle(FilterGuard *guard, Reconciler *reconciler);

/* What has been touched is compared now rather than later. */
void filter_guard_reconcile_now(FilterGuard *guard);
