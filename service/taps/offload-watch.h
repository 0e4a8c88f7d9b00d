/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices when a consumer turns offloads on or off. Each TUNSETOFFLOAD makes the kernel send a link
 * event that does not say what changed; so after an event the link's features are read. An endpoint
 * is read at once, but then not again before a short while is over, whatever its holder does
 * meanwhile: a storm costs a few reads a second, and the state after its last event is read in any
 * case.
 */

#include <systemd/sd-event.h>

#include "common/list.h"
#include "kernel/offload-active.h"

typedef struct OffloadWatch OffloadWatch;

/* In each endpoint. */
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

/* A link that is new here: its state is read, now and without telling. */
void offload_watch_begin(OffloadWatch *watch, OffloadState *state, int ifindex);

/* One that was just made with these offloads: read with its first event. */
void offload_watch_begin_new(OffloadState *state, int ifindex, uint32_t active);

/* There was an event: the state is read as soon as may be, and changed() called if it is another
 * one. */
void offload_watch_look(OffloadWatch *watch, OffloadState *state);

/* All offloads of the link are turned off. changed() comes by way of the kernel's event. -ENODEV:
 * the link is gone. 0 where this kernel cannot (before 5.6). */
int offload_watch_turn_off(OffloadWatch *watch, OffloadState *state, Failure *failure);

/* The link is gone; also for a state that was never begun. */
void offload_watch_end(OffloadState *state);
