/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/filter-guard.h"

#include <errno.h>

#include "common/clock.h"

/* Whoever undoes them has stopped if they stay whole for so long. */
#define CALM_USEC (2 * USEC_PER_SEC)

/* As often as a dump that is overtaken by changes. */
#define ATTEMPTS 5

static int read_once(Netlink *netlink, const FilterTable *tables, size_t n, uint64_t *ret) {
        bool interrupted = false;
        uint64_t all = 0, one;

        *ret = 0;
        for (size_t i = 0; i < n; i++) {
                int r = filter_digest(netlink, &tables[i], &one);

                if (r < 0 && r != -EINTR)
                        return r;
                interrupted = interrupted || r == -EINTR;
                all = all * 31 + one;
        }
        *ret = all != 0 ? all : 1;
        return interrupted ? -EINTR : 0;
}

int filter_guard_read(Netlink *netlink, const FilterTable *tables, size_t n, uint64_t *ret) {
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r)
                r = read_once(netlink, tables, n, ret);
        return r;
}

bool filter_guard_is_whole(const FilterGuard *guard) {
        return guard->state == FILTER_GUARD_WHOLE || guard->state == FILTER_GUARD_SETTLING;
}

bool filter_guard_is_given_up(const FilterGuard *guard) {
        return guard->state == FILTER_GUARD_GIVEN_UP || guard->state == FILTER_GUARD_SETTLING;
}

static void become_whole(FilterGuard *guard) {
        guard->state = filter_guard_is_given_up(guard) ? FILTER_GUARD_SETTLING : FILTER_GUARD_WHOLE;
}

void filter_guard_take(FilterGuard *guard, uint64_t digest) {
        guard->digest = digest;
        become_whole(guard);
}

void filter_guard_take_again(FilterGuard *guard, uint64_t digest) {
        filter_guard_take(guard, guard->digest != 0 ? guard->digest : digest);
}

/* What is read while others change filters is whole if it matches: that does not happen by chance.
 */
FilterState filter_guard_compare(
                const FilterGuard *guard, Netlink *netlink, const FilterTable *tables, size_t n) {
        uint64_t now;
        int r = -EINTR;

        for (unsigned i = 0; i < ATTEMPTS && r == -EINTR; i++) {
                r = read_once(netlink, tables, n, &now);
                if (now != 0 && now == guard->digest)
                        return FILTERS_WHOLE;
        }
        return r >= 0 || r == -ENOENT ? FILTERS_DIFFER : FILTERS_UNCLEAR;
}

void filter_guard_touch(FilterGuard *guard, Reconciler *reconciler) {
        if (!guard->reconcilable.reconcile)
                return;
        guard->touched = true;
        reconciler_mark(reconciler, &guard->reconcilable);
}

bool filter_guard_may_restore(FilterGuard *guard, Reconciler *reconciler) {
        const uint64_t now = clock_now_usec();

        guard->state = filter_guard_is_given_up(guard) ? FILTER_GUARD_GIVEN_UP
                                                       : FILTER_GUARD_BROKEN;
        if (restore_limit_take(&guard->limit, now)) {
                guard->restored_usec = now;
                return true;
        }
        guard->state = FILTER_GUARD_GIVEN_UP;
        reconciler_mark_at(reconciler, &guard->reconcilable, restore_limit_next(&guard->limit));
        return false;
}

bool filter_guard_settle(FilterGuard *guard, Reconciler *reconciler) {
        const uint64_t calm = guard->restored_usec + CALM_USEC;

        become_whole(guard);
        if (guard->state == FILTER_GUARD_WHOLE)
                return false;
        if (clock_now_usec() < calm) {
                reconciler_mark_at(reconciler, &guard->reconcilable, calm);
                return false;
        }
        guard->state = FILTER_GUARD_WHOLE;
        return true;
}

void filter_guard_reconcile_now(FilterGuard *guard) {
        if (!guard->touched)
                return;
        reconciler_forget(&guard->reconcilable);
        guard->reconcilable.reconcile(&guard->reconcilable);
}
