/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/link-monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/log.h"

/* Batches read in one go, so that a storm of events cannot starve the rest of the loop. */
#define BATCHES_AT_ONCE     64
#define BATCHES_TO_CATCH_UP 4096

#define RESYNC_AGAIN_USEC (200 * 1000)

struct LinkMonitor {
        LinkEvents *events;
        sd_event_source *readable, *again;
        link_event_t on_event;
        link_resync_t resync;
        void *userdata;
        bool lost; /* events: a resync is due when the socket is empty */
};

DEFINE_CLEANUP(LinkMonitor, link_monitor_free)

static int on_again(sd_event_source *source, uint64_t usec, void *userdata);

static int resync_later(LinkMonitor *monitor) {
        monitor->again = sd_event_source_disable_unref(monitor->again);
        return sd_event_add_time_relative(sd_event_source_get_event(monitor->readable),
                        &monitor->again, CLOCK_MONOTONIC, RESYNC_AGAIN_USEC, 0, on_again, monitor);
}

static int resync_now(LinkMonitor *monitor) {
        int r = monitor->resync(monitor->userdata);

        if (r >= 0) {
                monitor->lost = false;
                return 0;
        }
        log_warning("Cannot compare the endpoints with the kernel's links, trying again: %s",
                        strerror(-r));
        return resync_later(monitor);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        return resync_now(userdata);
}

static int catch_up(LinkMonitor *monitor, unsigned batches) {
        int r = 1;

        for (unsigned i = 0; i < batches && r != 0; i++) {
                r = link_events_read(monitor->events, monitor->on_event, monitor->userdata);
                /* Whatever kept us from reading it: what was not read is to be looked up. */
                if (r < 0)
                        monitor->lost = true;
        }
        /* Events older than the dump would only undo it: they are read first. */
        return monitor->lost && r == 0 ? resync_now(monitor) : 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        return catch_up(userdata, BATCHES_AT_ONCE);
}

void link_monitor_catch_up(LinkMonitor *monitor) {
        (void)catch_up(monitor, BATCHES_TO_CATCH_UP);
}

int link_monitor_new(LinkMonitor **ret, sd_event *event, link_event_t on_event,
                link_resync_t resync, void *userdata) {
        _cleanup_(link_monitor_freep) LinkMonitor *monitor = calloc(1, sizeof(LinkMonitor));
        int r;

        if (!monitor)
                return -ENOMEM;
        *monitor = (LinkMonitor){ .on_event = on_event, .resync = resync, .userdata = userdata };
        r = link_events_open(&monitor->events);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &monitor->readable, link_events_fd(monitor->events), EPOLLIN,
                        on_readable, monitor);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(monitor->readable, LINK_MONITOR_PRIORITY);
        if (r < 0)
                return r;
        r = resync_now(monitor);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(monitor);
        return 0;
}

LinkMonitor *link_monitor_free(LinkMonitor *monitor) {
        if (!monitor)
                return NULL;
        sd_event_source_disable_unref(monitor->again);
        sd_event_source_disable_unref(monitor->readable);
        link_events_close(monitor->events);
        free(monitor);
        return NULL;
}
