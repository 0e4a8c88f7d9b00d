/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queues that were handed over are kept for a moment, then closed outside the loop. An fd is known
 * to be closed by the hang-up at the other end of its pipe.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "taps/delayed-close.h"
#include "testing.h"

#define MSEC      UINT64_C(1000)
#define PIPES_MAX 300

#define ALICE 1001
#define BOB   1002
#define NONCE 0x12345678

typedef struct Stage {
        sd_event *event;
        Workers *workers;
        DelayedClose *delayed_close;
        unsigned closed, told;
        int error;
        RemovalWaiter watch;
} Stage;

static void on_closed(void *userdata) {
        Stage *stage = userdata;

        assert_int_equal(stage->told, 0);
        stage->closed++;
}

static void on_gone(RemovalWaiter *watch, int error) {
        Stage *stage = container_of(watch, Stage, watch);

        stage->told++;
        stage->error = error;
}

static Stage *stage_new(void) {
        Stage *stage = calloc(1, sizeof(Stage));

        assert_non_null(stage);
        stage->watch.removed = on_gone;
        list_init(&stage->watch.link);
        assert_ok(sd_event_new(&stage->event));
        assert_int_equal(workers_new(&stage->workers, 2), 0);
        assert_int_equal(delayed_close_new(&stage->delayed_close, stage->event, stage->workers,
                                         on_closed, stage),
                        0);
        return stage;
}

static void stage_stop(Stage *stage) {
        delayed_close_stop(stage->delayed_close);
        stage->workers = workers_free(stage->workers);
}

static void stage_free(Stage *stage) {
        if (stage->workers)
                stage_stop(stage);
        delayed_close_free(stage->delayed_close);
        sd_event_unref(stage->event);
        free(stage);
}

/* Hands over one end of a new pipe to be kept; returns the other. */
static int keep_one(Stage *stage) {
        FdSet fds = FDSET_INIT;
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(fdset_add(&fds, ends[1]), 0);
        delayed_close_close(stage->delayed_close, ALICE, NONCE, &fds);
        assert_int_equal(fds.n, 0);
        return ends[0];
}

static bool is_closed(int end, int timeout_msec) {
        struct pollfd fd = { .fd = end };

        return poll(&fd, 1, timeout_msec) == 1 && fd.revents & POLLHUP;
}

static void run_for(Stage *stage, uint64_t usec) {
        const uint64_t end = clock_now_usec() + usec;

        for (uint64_t now = clock_now_usec(); now < end; now = clock_now_usec())
                assert_true(sd_event_run(stage->event, end - now) >= 0);
}

static void an_fd_is_kept_for_a_moment_and_then_closed(void **state) {
        Stage *stage = stage_new();
        const uint64_t begin = clock_now_usec();
        int end = keep_one(stage);

        run_for(stage, 3 * MSEC);
        /* On a machine that is this busy the test proves nothing. */
        if (clock_now_usec() - begin < 9 * MSEC)
                assert_false(is_closed(end, 0));
        run_for(stage, 30 * MSEC);
        assert_true(is_closed(end, 1000));
        close(end);
        stage_free(stage);
}

static void each_has_its_own_moment(void **state) {
        Stage *stage = stage_new();
        int first = keep_one(stage), second;
        uint64_t begin;

        run_for(stage, 7 * MSEC);
        begin = clock_now_usec();
        second = keep_one(stage);
        run_for(stage, 6 * MSEC);
        assert_true(is_closed(first, 1000));
        if (clock_now_usec() - begin < 9 * MSEC)
                assert_false(is_closed(second, 0));
        run_for(stage, 30 * MSEC);
        assert_true(is_closed(second, 1000));
        close(first);
        close(second);
        stage_free(stage);
}

static void of_too_many_the_first_go_at_once(void **state) {
        Stage *stage = stage_new();
        int ends[PIPES_MAX];

        for (size_t i = 0; i < PIPES_MAX; i++)
                ends[i] = keep_one(stage);
        assert_true(is_closed(ends[0], 1000));
        stage_stop(stage);
        for (size_t i = 0; i < PIPES_MAX; i++) {
                assert_true(is_closed(ends[i], 0));
                close(ends[i]);
        }
        stage_free(stage);
}

static void what_is_still_kept_at_the_end_is_closed(void **state) {
        Stage *stage = stage_new();
        int end = keep_one(stage);

        stage_stop(stage);
        assert_true(is_closed(end, 0));
        close(end);
        stage_free(stage);
}

/* The workers' finished jobs. */
static int on_workers(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Stage *stage = userdata;

        workers_finish(stage->workers);
        return 0;
}

static void who_watches_is_told_when_the_first_of_a_user_are_closed(void **state) {
        Stage *stage = stage_new();
        int end;

        assert_ok(sd_event_add_io(
                        stage->event, NULL, workers_fd(stage->workers), POLLIN, on_workers, stage));
        assert_null(delayed_close_waiters(stage->delayed_close, ALICE, NULL));
        end = keep_one(stage);
        assert_non_null(delayed_close_waiters(stage->delayed_close, ALICE, NULL));
        assert_null(delayed_close_waiters(stage->delayed_close, BOB, NULL));
        assert_non_null(delayed_close_waiters(stage->delayed_close, ALICE, &(uint32_t){ NONCE }));
        assert_null(delayed_close_waiters(stage->delayed_close, ALICE, &(uint32_t){ NONCE + 1 }));
        list_append(delayed_close_waiters(stage->delayed_close, ALICE, NULL), &stage->watch.link);
        assert_int_equal(stage->told, 0);
        for (unsigned i = 0; i < 100 && stage->told == 0; i++)
                run_for(stage, 10 * MSEC);
        assert_int_equal(stage->told, 1);
        assert_int_equal(stage->error, 0);
        assert_int_equal(stage->closed, 1);
        assert_true(is_closed(end, 0));
        assert_null(delayed_close_waiters(stage->delayed_close, ALICE, NULL));
        close(end);
        stage_free(stage);
}

static void who_still_watches_at_the_end_is_told_that_it_is_over(void **state) {
        Stage *stage = stage_new();
        int end = keep_one(stage);

        list_append(delayed_close_waiters(stage->delayed_close, ALICE, NULL), &stage->watch.link);
        stage_stop(stage);
        assert_int_equal(stage->told, 1);
        assert_int_equal(stage->error, -ECANCELED);
        close(end);
        stage_free(stage);
}

static void without_anything_kept_the_loop_sleeps(void **state) {
        Stage *stage = stage_new();

        close(keep_one(stage));
        run_for(stage, 30 * MSEC);
        assert_int_equal(sd_event_run(stage->event, 50 * MSEC), 0);
        stage_free(stage);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_fd_is_kept_for_a_moment_and_then_closed),
                cmocka_unit_test(each_has_its_own_moment),
                cmocka_unit_test(of_too_many_the_first_go_at_once),
                cmocka_unit_test(what_is_still_kept_at_the_end_is_closed),
                cmocka_unit_test(who_watches_is_told_when_the_first_of_a_user_are_closed),
                cmocka_unit_test(who_still_watches_at_the_end_is_told_that_it_is_over),
                cmocka_unit_test(without_anything_kept_the_loop_sleeps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
