/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells whose packet filters have changed: ours (every table whose name begins with
 * NETWORK_TABLE_PREFIX), or those of others. It tells neither what has changed nor who changed it:
 * our own changes are reported like all others, and the follower compares.
 *
 * The first event is told at once, and those of the next 100 ms are coalesced: while others change
 * filters without end the loop wakes ten times a second. It does not wake while nothing happens.
 */

#include <systemd/sd-event.h>

#include "kernel/filter-events.h"

typedef struct FilterMonitor FilterMonitor;

typedef struct FilterFollower {
        /* One of our tables has changed; called for each message about it, of which there may be
         * many. */
        void (*touched)(const FilterTable *table, void *userdata);
        /* Messages were lost: any table of ours may have changed. */
        void (*lost)(void *userdata);
        /* Filters of others have changed, or may have. At most once in 100 ms. */
        void (*foreign)(void *userdata);
} FilterFollower;

/* -EPROTONOSUPPORT: the kernel has no netfilter. -ENOMEM, -errno of socket(2) and of the loop. */
int filter_monitor_new(FilterMonitor **ret, sd_event *event, const FilterFollower *follower,
                void *userdata);

/* Takes NULL. Returns NULL. */
FilterMonitor *filter_monitor_free(FilterMonitor *monitor);

/* Reports what the kernel has said until now, without waiting for the loop. Takes NULL. */
void filter_monitor_catch_up(FilterMonitor *monitor);
