/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/debounce.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define REST_OF_PROCESSOR 40
#define REST_OF_LOOP      10
#define REST_MOST         (UINT64_C(60) * 1000 * 1000)

DEFINE_CLEANUP(Debounce, debounce_free)

struct Debounce {
        sd_event_source *timer;
        debounce_work_t work;
        void *userdata;
        uint64_t due_at;  /* 0: it is not due */
        uint64_t done_at; /* when it was done last */
        uint64_t rest;    /* how long it is not done again after that, in µs */
};

static uint64_t larger(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Debounce *debounce = userdata;
        const uint64_t processor = clock_thread_usec(), began = clock_now_usec();

        debounce->due_at = 0;
        debounce->work(debounce->userdata);
        debounce->done_at = clock_now_usec();
        debounce->rest = larger(REST_OF_PROCESSOR * (clock_thread_usec() - processor),
                        REST_OF_LOOP * (debounce->done_at - began));
        return 0;
}

int debounce_new(Debounce **ret, sd_event *event, debounce_work_t work, void *userdata) {
        _cleanup_(debounce_freep) Debounce *debounce = calloc(1, sizeof(Debounce));
        int r;

        if (!debounce)
                return -ENOMEM;
        debounce->work = work;
        debounce->userdata = userdata;
        r = sd_event_add_time(
                        event, &debounce->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_time, debounce);
        if (r >= 0)
                r = sd_event_source_set_enabled(debounce->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(debounce);
        return 0;
}

Debounce *debounce_free(Debounce *debounce) {
        if (!debounce)
                return NULL;
        sd_event_source_disable_unref(debounce->timer);
        free(debounce);
        return NULL;
}

void debounce_at(Debounce *debounce, uint64_t usec) {
        if (debounce->due_at != 0 && debounce->due_at <= usec)
                return;
        debounce->due_at = usec;
        if (sd_event_source_set_time(debounce->timer, usec) >= 0)
                (void)sd_event_source_set_enabled(debounce->timer, SD_EVENT_ONESHOT);
}

/* When it has rested so many times as long as it has to. */
static uint64_t rested_at(const Debounce *debounce, uint64_t times) {
        const uint64_t rest = debounce->rest * times;

        return debounce->done_at + (rest < REST_MOST ? rest : REST_MOST);
}

void debounce_soon(Debounce *debounce) {
        debounce_at(debounce, larger(clock_now_usec(), rested_at(debounce, 1)));
}

void debounce_later(Debounce *debounce, uint64_t pause_usec) {
        debounce_at(debounce,
                        larger(clock_now_usec() + pause_usec,
                                        rested_at(debounce, pause_usec / DEBOUNCE_USEC)));
}

void debounce_rest(Debounce *debounce, uint64_t processor_usec) {
        const uint64_t now = clock_now_usec();
        const uint64_t until =
                        larger(now, rested_at(debounce, 1)) + REST_OF_PROCESSOR * processor_usec;

        debounce->done_at = now;
        debounce->rest = larger(until - now, DEBOUNCE_USEC);
}
