/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The closer runs slow work outside the loop. The thread that does a job is recognized by its id;
 * an fd is known to be closed by the hang-up at the other end of its pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/workers.h"
#include "testing.h"

typedef struct Work {
        WorkersJob job;
        pthread_t ran_in, done_in;
        atomic_int runs;
        int dones;
        unsigned sleep_msec;
} Work;

static atomic_int running, most_running;

static void sleep_msec(unsigned msec) {
        const struct timespec time = { .tv_sec = msec / 1000,
                .tv_nsec = (long)(msec % 1000) * 1000000 };

        nanosleep(&time, NULL);
}

static void work_run(WorkersJob *job) {
        Work *work = container_of(job, Work, job);
        int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);

        while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
                ;
        sleep_msec(work->sleep_msec);
        work->ran_in = pthread_self();
        atomic_fetch_sub(&running, 1);
        atomic_fetch_add(&work->runs, 1);
}

static void work_done(WorkersJob *job) {
        Work *work = container_of(job, Work, job);

        work->done_in = pthread_self();
        work->dones++;
}

#define WORK_INIT(msec)                                                                            \
        (Work) {                                                                                   \
                .job = { .run = work_run, .done = work_done }, .sleep_msec = (msec)                \
        }

static bool polls_readable(const Workers *workers, int timeout_msec) {
        struct pollfd fd = { .fd = workers_fd(workers), .events = POLLIN };

        return poll(&fd, 1, timeout_msec) == 1;
}

/* A pipe whose write end reports that the read end was closed. */
static void make_pipe(int *ret_watched, int *ret_watcher) {
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        *ret_watched = fds[0];
        *ret_watcher = fds[1];
}

static bool other_end_closed(int watcher, int timeout_msec) {
        struct pollfd fd = { .fd = watcher, .events = 0 };

        return poll(&fd, 1, timeout_msec) == 1 && fd.revents & POLLERR;
}

static void fds_are_closed_soon(void **state) {
        FdSet fds = FDSET_INIT;
        int watchers[FDSET_MAX];
        Workers *workers;

        assert_int_equal(workers_new(&workers, 2), 0);
        for (size_t i = 0; i < FDSET_MAX; i++) {
                int fd;

                make_pipe(&fd, &watchers[i]);
                assert_int_equal(fdset_add(&fds, fd), 0);
        }
        workers_close(workers, &fds);
        assert_int_equal(fds.n, 0);
        for (size_t i = 0; i < FDSET_MAX; i++) {
                assert_true(other_end_closed(watchers[i], 5000));
                close(watchers[i]);
        }
        assert_null(workers_free(workers));
}

static void a_close_waits_behind_other_jobs_without_holding_up_the_caller(void **state) {
        Work slow = WORK_INIT(150);
        FdSet fds = FDSET_INIT;
        int fd, watcher;
        Workers *workers;

        assert_int_equal(workers_new(&workers, 1), 0);
        workers_submit(workers, &slow.job);
        make_pipe(&fd, &watcher);
        assert_int_equal(fdset_add(&fds, fd), 0);
        workers_close(workers, &fds);
        assert_int_equal(atomic_load(&slow.runs), 0); /* still asleep: the test did not wait */
        assert_false(other_end_closed(watcher, 0));
        assert_true(other_end_closed(watcher, 5000));
        close(watcher);
        workers_free(workers);
        assert_int_equal(slow.dones, 1);
}

static void a_job_runs_elsewhere_and_is_done_here(void **state) {
        Work work = WORK_INIT(0);
        Workers *workers;

        assert_int_equal(workers_new(&workers, 1), 0);
        assert_false(polls_readable(workers, 0));
        workers_submit(workers, &work.job);
        assert_true(polls_readable(workers, 5000));
        assert_int_equal(work.dones, 0);
        workers_finish(workers);
        assert_int_equal(work.dones, 1);
        assert_false(pthread_equal(work.ran_in, pthread_self()));
        assert_true(pthread_equal(work.done_in, pthread_self()));
        assert_false(polls_readable(workers, 0));
        workers_free(workers);
        assert_int_equal(work.dones, 1);
}

static void ten_thousand_jobs_each_run_once_and_are_done_once(void **state) {
        enum {
                N = 10000
        };
        Work *works = calloc(N, sizeof(Work));
        Workers *workers;

        assert_non_null(works);
        assert_int_equal(workers_new(&workers, 8), 0);
        for (size_t i = 0; i < N; i++) {
                works[i] = WORK_INIT(0);
                workers_submit(workers, &works[i].job);
                if (i % 97 == 0)
                        workers_finish(workers);
        }
        workers_free(workers);
        for (size_t i = 0; i < N; i++) {
                assert_int_equal(atomic_load(&works[i].runs), 1);
                assert_int_equal(works[i].dones, 1);
        }
        free(works);
}

static void sleepers_sleep_side_by_side_up_to_the_limit(void **state) {
        enum {
                N = 12,
                THREADS = 4
        };
        Work works[N];
        Workers *workers;

        atomic_store(&most_running, 0);
        assert_int_equal(workers_new(&workers, THREADS), 0);
        for (size_t i = 0; i < N; i++) {
                works[i] = WORK_INIT(30);
                workers_submit(workers, &works[i].job);
        }
        workers_free(workers);
        assert_int_equal(atomic_load(&most_running), THREADS);
}

/* After a burst all threads wait; the next burst must wake as many as there are jobs. */
static void a_second_burst_is_as_parallel_as_the_first(void **state) {
        enum {
                THREADS = 4
        };
        Work works[THREADS];
        Workers *workers;

        assert_int_equal(workers_new(&workers, THREADS), 0);
        for (int burst = 0; burst < 5; burst++) {
                atomic_store(&most_running, 0);
                for (size_t i = 0; i < THREADS; i++) {
                        works[i] = WORK_INIT(40);
                        workers_submit(workers, &works[i].job);
                }
                for (size_t i = 0; i < THREADS; i++)
                        while (works[i].dones == 0) {
                                assert_true(polls_readable(workers, 5000));
                                workers_finish(workers);
                        }
                assert_int_equal(atomic_load(&most_running), THREADS);
        }
        workers_free(workers);
}

static void free_waits_for_what_is_under_way_and_gives_it_to_done(void **state) {
        Work works[6];
        Workers *workers;

        assert_int_equal(workers_new(&workers, 2), 0);
        for (size_t i = 0; i < ELEMENTS(works); i++) {
                works[i] = WORK_INIT(20);
                workers_submit(workers, &works[i].job);
        }
        workers_free(workers);
        for (size_t i = 0; i < ELEMENTS(works); i++) {
                assert_int_equal(atomic_load(&works[i].runs), 1);
                assert_int_equal(works[i].dones, 1);
                assert_true(pthread_equal(works[i].done_in, pthread_self()));
        }
}

static void without_a_thread_everything_is_done_at_once(void **state) {
        Work work = WORK_INIT(0);
        FdSet fds = FDSET_INIT;
        int fd, watcher;
        Workers *workers;

        assert_int_equal(workers_new(&workers, 0), 0);
        workers_submit(workers, &work.job);
        assert_int_equal(atomic_load(&work.runs), 1);
        assert_true(pthread_equal(work.ran_in, pthread_self()));
        assert_int_equal(work.dones, 0); /* never from within submit */
        assert_true(polls_readable(workers, 0));
        workers_finish(workers);
        assert_int_equal(work.dones, 1);

        make_pipe(&fd, &watcher);
        assert_int_equal(fdset_add(&fds, fd), 0);
        workers_close(workers, &fds);
        assert_true(other_end_closed(watcher, 0));
        close(watcher);
        workers_free(workers);
}

static void an_empty_set_is_no_job(void **state) {
        FdSet fds = FDSET_INIT;
        Workers *workers;

        assert_int_equal(workers_new(&workers, 1), 0);
        workers_close(workers, &fds);
        workers_free(workers);
}

static void nothing_can_be_freed(void **state) {
        assert_null(workers_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fds_are_closed_soon),
                cmocka_unit_test(a_close_waits_behind_other_jobs_without_holding_up_the_caller),
                cmocka_unit_test(a_job_runs_elsewhere_and_is_done_here),
                cmocka_unit_test(ten_thousand_jobs_each_run_once_and_are_done_once),
                cmocka_unit_test(sleepers_sleep_side_by_side_up_to_the_limit),
                cmocka_unit_test(a_second_burst_is_as_parallel_as_the_first),
                cmocka_unit_test(free_waits_for_what_is_under_way_and_gives_it_to_done),
                cmocka_unit_test(without_a_thread_everything_is_done_at_once),
                cmocka_unit_test(an_empty_set_is_no_job),
                cmocka_unit_test(nothing_can_be_freed),
        };

        return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
