/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/offload-watch.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

/* Between two reads of one link; the answer to a change is to come within 100 ms. */
#define INTERVAL_USEC (50 * UINT64_C(1000))

/* Reads in one go (some 50 µs each), so that many links cannot starve the rest of the loop. */
#define READS_AT_ONCE 32

struct OffloadWatch {
        OffloadReader *reader; /* NULL: this kernel does not tell */
        sd_event *event;
        sd_event_source *timer;
        List waiting; /* OffloadState.link, in the order of their turn */
        offload_changed_t changed;
        void *userdata;
};

DEFINE_CLEANUP(OffloadWatch, offload_watch_free)

/* false: the link is gone, which others will notice. */
static bool read_now(OffloadWatch *watch, OffloadState *state, uint32_t *ret) {
        int r;

        state->read_at = clock_now_usec();
        if (!watch->reader)
                return false;
        r = offload_read_active(watch->reader, state->ifindex, ret, NULL);
        if (r < 0 && r != -ENODEV)
                log_warning("Cannot read the offloads of a tap: %s", strerror(-r));
        return r >= 0;
}

/* All wait equally long, so the first in the list is the next (or at most an interval later). */
static void arm(OffloadWatch *watch) {
        const OffloadState *first;

        if (list_is_empty(&watch->waiting)) {
                sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
                return;
        }
        first = container_of(watch->waiting.next, OffloadState, link);
        sd_event_source_set_time(watch->timer, first->read_at + INTERVAL_USEC);
        sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        OffloadWatch *watch = userdata;
        uint64_t now = clock_now_usec();

        for (unsigned i = 0; i < READS_AT_ONCE && !list_is_empty(&watch->waiting); i++) {
                OffloadState *state = container_of(watch->waiting.next, OffloadState, link);
                uint32_t active;

                if (state->read_at + INTERVAL_USEC > now)
                        break;
                list_unlink(&state->link);
                if (read_now(watch, state, &active) && active != state->active) {
                        state->active = active;
                        watch->changed(state, watch->userdata);
                }
        }
        arm(watch);
        return 0;
}

int offload_watch_new(
                OffloadWatch **ret, sd_event *event, offload_changed_t changed, void *userdata) {
        _cleanup_(offload_watch_freep) OffloadWatch *watch = calloc(1, sizeof(OffloadWatch));
        int r;

        if (!watch)
                return -ENOMEM;
        *watch = (OffloadWatch){ .changed = changed, .userdata = userdata };
        list_init(&watch->waiting);
        r = offload_reader_open(&watch->reader);
        if (r < 0 && r != -ENOENT)
                return r;
        r = sd_event_add_time(
                        event, &watch->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_time, watch);
        if (r < 0)
                return r;
        arm(watch);
        *ret = TAKE_PTR(watch);
        return 0;
}

OffloadWatch *offload_watch_free(OffloadWatch *watch) {
        if (!watch)
                return NULL;
        sd_event_source_disable_unref(watch->timer);
        offload_reader_close(watch->reader);
        free(watch);
        return NULL;
}

void offload_watch_begin_new(OffloadState *state, int ifindex, uint32_t active) {
        *state = (OffloadState){ .ifindex = ifindex, .active = active };
        list_init(&state->link);
}

void offload_watch_begin(OffloadWatch *watch, OffloadState *state, int ifindex) {
        offload_watch_begin_new(state, ifindex, 0);
        (void)read_now(watch, state, &state->active);
        state->read_at = 0; /* the first change is told at once */
}

void offload_watch_look(OffloadWatch *watch, OffloadState *state) {
        if (!list_is_empty(&state->link)) /* its turn will come */
                return;
        /* If it has not been read lately it goes before those that have to wait. */
        if (state->read_at + INTERVAL_USEC <= clock_now_usec()) {
                state->read_at = 0;
                list_append(watch->waiting.next, &state->link);
        } else
                list_append(&watch->waiting, &state->link);
        arm(watch);
}

int offload_watch_turn_off(OffloadWatch *watch, OffloadState *state, Failure *failure) {
        return watch->reader ? offload_turn_off(watch->reader, state->ifindex, failure) : 0;
}

void offload_watch_end(OffloadState *state) {
        list_unlink(&state->link);
}
