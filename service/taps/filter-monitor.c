/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/filter-monitor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/cleanup.h"
#include "networks/network-filter.h"
#include "taps/link-monitor.h"

#define PAUSE_USEC (100 * 1000)

/* About as many packets as the socket's buffer holds. The rest is read the next time. */
#define READS_AT_ONCE 2048

struct FilterMonitor {
        FilterEvents *events;
        sd_event_source *readable, *pause;
        const FilterFollower *follower;
        void *userdata;
        bool of_others; /* filters of others have changed, and nobody was told yet */
};

DEFINE_CLEANUP(FilterMonitor, filter_monitor_free)

static void on_event(const FilterTable *table, void *userdata) {
        FilterMonitor *monitor = userdata;

        if (strncmp(table->name, NETWORK_TABLE_PREFIX, strlen(NETWORK_TABLE_PREFIX)) == 0)
                monitor->follower->touched(table, monitor->userdata);
        else
                monitor->of_others = true;
}

static void read_all(FilterMonitor *monitor) {
        bool lost = false;
        int r = 1;

        for (unsigned i = 0; i < READS_AT_ONCE && r != 0; i++) {
                r = filter_events_read(monitor->events, on_event, monitor);
                lost = lost || r < 0;
        }
        if (!lost)
                return;
        monitor->of_others = true;
        monitor->follower->lost(monitor->userdata);
}

static int pause_over(FilterMonitor *monitor, bool over) {
        int r = sd_event_source_set_enabled(monitor->readable, over ? SD_EVENT_ON : SD_EVENT_OFF);

        if (r >= 0 && !over)
                r = sd_event_source_set_time_relative(monitor->pause, PAUSE_USEC);
        if (r >= 0 && !over)
                r = sd_event_source_set_enabled(monitor->pause, SD_EVENT_ONESHOT);
        return r;
}

static int tell(FilterMonitor *monitor) {
        const bool of_others = monitor->of_others;
        int r = pause_over(monitor, false);

        monitor->of_others = false;
        if (of_others)
                monitor->follower->foreign(monitor->userdata);
        return r;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        FilterMonitor *monitor = userdata;

        read_all(monitor);
        return tell(monitor);
}

/* Reports what was read meanwhile for a caller who could not wait. */
static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        FilterMonitor *monitor = userdata;

        return monitor->of_others ? tell(monitor) : pause_over(monitor, true);
}

void filter_monitor_catch_up(FilterMonitor *monitor) {
        int paused;

        if (!monitor)
                return;
        read_all(monitor);
        if (!monitor->of_others || sd_event_source_get_enabled(monitor->pause, &paused) > 0)
                return;
        (void)tell(monitor);
}

static int add_sources(FilterMonitor *monitor, sd_event *event) {
        int r;

        r = sd_event_add_io(event, &monitor->readable, filter_events_fd(monitor->events), EPOLLIN,
                        on_readable, monitor);
        if (r >= 0)
                r = sd_event_source_set_priority(monitor->readable, LINK_MONITOR_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time(event, &monitor->pause, CLOCK_MONOTONIC, UINT64_MAX, 1,
                                on_pause_over, monitor);
        if (r >= 0)
                r = sd_event_source_set_priority(monitor->pause, LINK_MONITOR_PRIORITY);
        return r < 0 ? r : sd_event_source_set_enabled(monitor->pause, SD_EVENT_OFF);
}

int filter_monitor_new(FilterMonitor **ret, sd_event *event, const FilterFollower *follower,
                void *userdata) {
        _cleanup_(filter_monitor_freep) FilterMonitor *monitor = calloc(1, sizeof(FilterMonitor));
        int r;

        if (!monitor)
                return -ENOMEM;
        *monitor = (FilterMonitor){ .follower = follower, .userdata = userdata };
        r = filter_events_open(&monitor->events);
        if (r >= 0)
                r = add_sources(monitor, event);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(monitor);
        return 0;
}

FilterMonitor *filter_monitor_free(FilterMonitor *monitor) {
        if (!monitor)
                return NULL;
        sd_event_source_disable_unref(monitor->pause);
        sd_event_source_disable_unref(monitor->readable);
        filter_events_close(monitor->events);
        free(monitor);
        return NULL;
}
