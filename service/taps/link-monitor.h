/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps the model in step with the kernel: passes on each link event and, at the start or when
 * events were lost, has the follower resync. Runs before everything else in the loop, so that no
 * call is answered from outdated state.
 */

#include <systemd/sd-event.h>

#include "kernel/link-events.h"

typedef struct LinkMonitor LinkMonitor;

/* Who is told. */
typedef struct LinkFollower {
        link_event_t event;
        /* Compares everything with the kernel. 0, or a negative errno: it is called again a little
         * later. */
        int (*resync)(void *userdata);
        /* After some events, or a resync. */
        void (*batch_end)(void *userdata);
} LinkFollower;

/* Before the bus (SD_EVENT_PRIORITY_NORMAL). */
#define LINK_MONITOR_PRIORITY (SD_EVENT_PRIORITY_IMPORTANT)

/* -errno of socket(2) and of the loop. */
int link_monitor_new(
                LinkMonitor **ret, sd_event *event, const LinkFollower *follower, void *userdata);

/* Passes on what the kernel has said until now, without waiting for the loop. Returns whether that
 * was all; if it is too much, the rest is left to the loop. */
bool link_monitor_catch_up(LinkMonitor *monitor);

/* Takes NULL. Returns NULL. */
LinkMonitor *link_monitor_free(LinkMonitor *monitor);
