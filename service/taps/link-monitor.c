/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/link-monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"

/* Reads in one go, of a message or two each; if there are more, others get their turn first. */
#define READS_AT_ONCE 128
#define PAUSE_USEC    (5 * 1000)

/* The same for a caller who cannot wait for the loop. */
#define READS_TO_CATCH_UP 1024

#define RESYNC_AGAIN_USEC (200 * 1000)

struct LinkMonitor {
        LinkEvents *events;
        sd_event_source *readable, *pause;
        const LinkFollower *follower;
        void *userdata;
        bool lost; /* events were lost: a resync is due when the socket is empty */
};

DEFINE_CLEANUP(LinkMonitor, link_monitor_free)

/* Nothing is read before the pause is over. */
static int pause_for(LinkMonitor *monitor, uint64_t usec) {
        int r = sd_event_source_set_time_relative(monitor->pause, usec);

        if (r >= 0)
                r = sd_event_source_set_enabled(monitor->pause, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = sd_event_source_set_enabled(monitor->readable, SD_EVENT_OFF);
        return r;
}

static int resync(LinkMonitor *monitor) {
        int r = monitor->follower->resync(monitor->userdata);

        monitor->lost = r < 0;
        if (r >= 0)
                return 0;
        log_warning("Cannot compare the endpoints with the kernel's links, trying again: %s",
                        strerror(-r));
        return pause_for(monitor, RESYNC_AGAIN_USEC);
}

static int read_some(LinkMonitor *monitor, unsigned reads, bool *ret_all) {
        int r = 1;

        for (unsigned i = 0; i < reads && r != 0; i++) {
                r = link_events_read(monitor->events, monitor->follower->event, monitor->userdata);
                /* Whatever the error was, something was not read and has to be looked up. */
                if (r < 0)
                        monitor->lost = true;
        }
        *ret_all = r == 0;
        if (r != 0)
                r = pause_for(monitor, PAUSE_USEC);
        else if (monitor->lost) /* events older than the dump would only undo it, so they were read
                                 * first
                                 */
                r = resync(monitor);
        *ret_all = *ret_all && !monitor->lost;
        monitor->follower->batch_end(monitor->userdata);
        return r;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        return read_some(userdata, READS_AT_ONCE, &(bool){ false });
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        LinkMonitor *monitor = userdata;
        int r = sd_event_source_set_enabled(monitor->readable, SD_EVENT_ON);

        return r < 0 ? r : read_some(monitor, READS_AT_ONCE, &(bool){ false });
}

bool link_monitor_catch_up(LinkMonitor *monitor) {
        bool all;

        (void)read_some(monitor, READS_TO_CATCH_UP, &all);
        return all;
}

static int add_sources(LinkMonitor *monitor, sd_event *event) {
        int r;

        r = sd_event_add_io(event, &monitor->readable, link_events_fd(monitor->events), EPOLLIN,
                        on_readable, monitor);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(monitor->readable, LINK_MONITOR_PRIORITY);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &monitor->pause, CLOCK_MONOTONIC, UINT64_MAX, 1, on_pause_over,
                        monitor);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(monitor->pause, LINK_MONITOR_PRIORITY);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(monitor->pause, SD_EVENT_OFF);
}

int link_monitor_new(
                LinkMonitor **ret, sd_event *event, const LinkFollower *follower, void *userdata) {
        _cleanup_(link_monitor_freep) LinkMonitor *monitor = calloc(1, sizeof(LinkMonitor));
        int r;

        if (!monitor)
                return -ENOMEM;
        *monitor = (LinkMonitor){ .follower = follower, .userdata = userdata };
        r = link_events_open(&monitor->events);
        if (r < 0)
                return r;
        r = add_sources(monitor, event);
        if (r < 0)
                return r;
        r = resync(monitor);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(monitor);
        return 0;
}

LinkMonitor *link_monitor_free(LinkMonitor *monitor) {
        if (!monitor)
                return NULL;
        sd_event_source_disable_unref(monitor->pause);
        sd_event_source_disable_unref(monitor->readable);
        link_events_close(monitor->events);
        free(monitor);
        return NULL;
}
