/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/read-ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "common/clock.h"

/* Priorities after and before those of the bus (SD_EVENT_PRIORITY_NORMAL). */
#define LATER_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)
#define NOW_PRIORITY   (SD_EVENT_PRIORITY_NORMAL - 5)

/* CPU time: on a busy host, wall-clock time passes without any message being read. */
#define READ_AHEAD_USEC 4000

DEFINE_CLEANUP(ReadAhead, read_ahead_free)

struct ReadAhead {
        sd_event_source *source;
        uint64_t due; /* in µs of this thread's CPU time: then it is not put off any longer */
        read_ahead_t callback;
        void *userdata;
};

/* Runs before each iteration of the loop, which reads one message at most. */
static int on_round(sd_event_source *source, void *userdata) {
        const ReadAhead *ahead = userdata;

        return sd_event_source_set_priority(
                        source, clock_thread_usec() >= ahead->due ? NOW_PRIORITY : LATER_PRIORITY);
}

static int on_time(sd_event_source *source, void *userdata) {
        ReadAhead *ahead = userdata;

        ahead->callback(ahead->userdata);
        return 0;
}

int read_ahead_new(ReadAhead **ret, sd_bus *bus, read_ahead_t callback, void *userdata) {
        _cleanup_(read_ahead_freep) ReadAhead *ahead = calloc(1, sizeof(ReadAhead));
        int r;

        if (!ahead)
                return -ENOMEM;
        ahead->callback = callback;
        ahead->userdata = userdata;
        r = sd_event_add_defer(sd_bus_get_event(bus), &ahead->source, on_time, ahead);
        if (r >= 0)
                r = sd_event_source_set_prepare(ahead->source, on_round);
        if (r >= 0)
                r = sd_event_source_set_enabled(ahead->source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ahead);
        return 0;
}

ReadAhead *read_ahead_free(ReadAhead *ahead) {
        if (!ahead)
                return NULL;
        sd_event_source_disable_unref(ahead->source);
        free(ahead);
        return NULL;
}

void read_ahead_schedule(ReadAhead *ahead) {
        if (sd_event_source_get_enabled(ahead->source, NULL) != 0)
                return;
        ahead->due = clock_thread_usec() + READ_AHEAD_USEC;
        (void)sd_event_source_set_enabled(ahead->source, SD_EVENT_ONESHOT);
}
