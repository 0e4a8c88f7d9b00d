/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells whose packet filters were changed: ours (every table whose name begins with
 * NETWORK_TABLE_PREFIX), or those of others. It does not tell what has changed, nor who did it:
 * what we change ourselves is told like the rest, and who is told compares.
 *
 * The first event is told at once, and what comes within 100 ms of it together: while others
 * change filters without end the loop is woken ten times a second. Nothing here wakes it while
 * nothing happens.
 */

#include <systemd/sd-event.h>

#include "kernel/filter-events.h"

typedef struct FilterMonitor FilterMonitor;

typedef struct FilterFollower {
        /* One of our tables, once for each message about it: may be many. */
        void (*touched)(const FilterTable *table, void *userdata);
        /* The kernel had more to tell than there is room for: any table of ours may have
         * changed. */
        void (*lost)(void *userdata);
        /* Filters of others have changed, or may have. Once in 100 ms. */
        void (*foreign)(void *userdata);
} FilterFollower;

/* -EPROTONOSUPPORT: the kernel has no netfilter. -ENOMEM, -errno of socket(2) and of the loop. */
int filter_monitor_new(FilterMonitor **ret, sd_event *event, const FilterFollower *follower,
                void *userdata);

/* Takes NULL. Returns NULL. */
FilterMonitor *filter_monitor_free(FilterMonitor *monitor);

/* Tells of our tables what the kernel has said until now, without waiting for the loop. Takes
 * NULL. */
void filter_monitor_catch_up(FilterMonitor *monitor);
