/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks are coalesced, each subject keeps its interval, and what is undone repeatedly is left
 * alone.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/reconcile.h"
#include "testing.h"

#define MSEC UINT64_C(1000)

typedef struct Thing {
        Reconcilable reconcilable;
        Reconciler *reconciler;
        unsigned count;
        bool marks_itself;
        struct Thing *frees;
} Thing;

static void on_reconcile(Reconcilable *reconcilable) {
        Thing *thing = container_of(reconcilable, Thing, reconcilable);

        thing->count++;
        if (thing->marks_itself)
                reconciler_mark(thing->reconciler, reconcilable);
        if (thing->frees) {
                reconciler_forget(&thing->frees->reconcilable);
                free(thing->frees);
        }
}

static Thing *thing_new(Reconciler *reconciler, uint64_t interval_usec) {
        Thing *thing = calloc(1, sizeof(Thing));

        assert_non_null(thing);
        thing->reconciler = reconciler;
        thing->reconcilable.reconcile = on_reconcile;
        thing->reconcilable.interval_usec = interval_usec;
        return thing;
}

static void begin(sd_event **ret_event, Reconciler **ret) {
        assert_ok(sd_event_new(ret_event));
        assert_int_equal(reconciler_new(ret, *ret_event), 0);
}

static void end(sd_event *event, Reconciler *reconciler) {
        reconciler_free(reconciler);
        sd_event_unref(event);
}

static void many_marks_are_one_comparison(void **state) {
        Reconciler *reconciler;
        sd_event *event;
        Thing *thing;

        begin(&event, &reconciler);
        thing = thing_new(reconciler, 0);
        for (int i = 0; i < 1000; i++)
                reconciler_mark(reconciler, &thing->reconcilable);
        while (thing->count == 0)
                assert_ok(sd_event_run(event, 10 * USEC_PER_SEC));
        assert_int_equal(sd_event_run(event, 0), 0);
        assert_int_equal(thing->count, 1);
        end(event, reconciler);
        free(thing);
}

static void a_mark_within_the_interval_waits_for_its_end_and_is_not_lost(void **state) {
        const uint64_t began = clock_now_usec();
        Reconciler *reconciler;
        sd_event *event;
        Thing *thing;

        begin(&event, &reconciler);
        thing = thing_new(reconciler, 100 * MSEC);
        thing->marks_itself = true;
        reconciler_mark(reconciler, &thing->reconcilable);
        while (thing->count < 4)
                assert_ok(sd_event_run(event, 10 * USEC_PER_SEC));
        assert_true(clock_now_usec() - began >= 300 * MSEC);
        end(event, reconciler);
        free(thing);
}

static void what_is_marked_for_later_is_done_earlier_if_something_happens(void **state) {
        Reconciler *reconciler;
        sd_event *event;
        Thing *thing;

        begin(&event, &reconciler);
        thing = thing_new(reconciler, 0);
        reconciler_mark_at(
                        reconciler, &thing->reconcilable, clock_now_usec() + 3600 * USEC_PER_SEC);
        reconciler_run(reconciler);
        assert_int_equal(thing->count, 0);
        reconciler_mark(reconciler, &thing->reconcilable);
        while (thing->count == 0)
                assert_ok(sd_event_run(event, 10 * USEC_PER_SEC));
        end(event, reconciler);
        free(thing);
}

static void one_may_free_another_that_is_due(void **state) {
        Reconciler *reconciler;
        sd_event *event;
        Thing *first;

        begin(&event, &reconciler);
        first = thing_new(reconciler, 0);
        first->frees = thing_new(reconciler, 0);
        reconciler_mark(reconciler, &first->reconcilable);
        reconciler_mark(reconciler, &first->frees->reconcilable);
        reconciler_run(reconciler);
        assert_int_equal(first->count, 1);
        first->frees = NULL;
        reconciler_run(reconciler);
        assert_int_equal(first->count, 1);
        end(event, reconciler);
        free(first);
}

static void with_nothing_marked_the_loop_sleeps(void **state) {
        Reconciler *reconciler;
        sd_event *event;
        Thing *thing;

        begin(&event, &reconciler);
        thing = thing_new(reconciler, 0);
        reconciler_mark(reconciler, &thing->reconcilable);
        reconciler_run(reconciler);
        assert_int_equal(thing->count, 1);
        assert_int_equal(sd_event_run(event, 50 * MSEC), 0);
        end(event, reconciler);
        free(thing);
}

static void a_sixth_restoration_within_a_minute_is_refused(void **state) {
        RestoreLimit limit = { .oldest = 0 };
        uint64_t now = USEC_PER_SEC;

        for (int i = 0; i < RESTORATIONS_MAX; i++)
                assert_true(restore_limit_take(&limit, now + (uint64_t)i * USEC_PER_SEC));
        assert_false(restore_limit_take(&limit, now + RESTORATIONS_USEC - 1));
        assert_int_equal(restore_limit_next(&limit), now + RESTORATIONS_USEC);
        assert_true(restore_limit_take(&limit, now + RESTORATIONS_USEC));
        assert_false(restore_limit_take(&limit, now + RESTORATIONS_USEC));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_marks_are_one_comparison),
                cmocka_unit_test(a_mark_within_the_interval_waits_for_its_end_and_is_not_lost),
                cmocka_unit_test(what_is_marked_for_later_is_done_earlier_if_something_happens),
                cmocka_unit_test(one_may_free_another_that_is_due),
                cmocka_unit_test(with_nothing_marked_the_loop_sleeps),
                cmocka_unit_test(a_sixth_restoration_within_a_minute_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
