/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices when a consumer turns offloads on or off. Each TUNSETOFFLOAD makes the kernel send a link
 * event that does not say what changed, so after an event the features of the link are read: at
 * once, but not again for a short while, whatever the holder does meanwhile. A storm costs a few
 * reads a second, and the state after its last event is always read.
 */

#include <systemd/sd-event.h>

#include "common/list.h"
#include "kernel/offload-active.h"

typedef struct OffloadWatch OffloadWatch;

/* Part of each endpoint. */
typedef struct OffloadState {
        List link;        /* OffloadWatch.waiting, while a read is due */
        uint64_t read_at; /* µs of CLOCK_MONOTONIC; 0: never */
        uint32_t active;  /* OFFLOAD_*, as read last */
        int ifindex;
} OffloadState;

typedef void (*offload_changed_t)(OffloadState *state, void *userdata);

/* A kernel that cannot tell (before 5.6) is no error: nothing is ever on then. -ENOMEM, -errno of
 * socket(2) and sd_event_add_time(3). */
int offload_watch_new(
                OffloadWatch **ret, sd_event *event, offload_changed_t changed, void *userdata);
OffloadWatch *offload_watch_free(OffloadWatch *watch);

/* A link that is new to us: its state is read now, and not reported. */
void offload_watch_begin(OffloadWatch *watch, OffloadState *state, int ifindex);

/* A link that was just made with these offloads: it is read with its first event. */
void offload_watch_begin_new(OffloadState *state, int ifindex, uint32_t active);

/* There was an event: the state is read as soon as the interval permits, and changed() is called if
 * it differs. */
void offload_watch_look(OffloadWatch *watch, OffloadState *state);

/* Turns all offloads of the link off; the kernel's event then leads to changed(). -ENODEV: the link
 * is gone. 0 where the kernel cannot (before 5.6). */
int offload_watch_turn_off(OffloadWatch *watch, OffloadState *state, Failure *failure);

/* The link is gone. Also for a state that was never begun. */
void offload_watch_end(OffloadState *state);
