/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Work that is triggered by events, and whose cost grows with the host. Events are coalesced: the
 * work is done a pause after the first of them. It is also throttled: whatever others change, it
 * takes at most 1/40 of the CPU's time and blocks the loop for at most a tenth of the time; but it
 * is never put off for longer than a minute.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Debounce Debounce;

/* The pause after which events are coalesced, in µs; see debounce_later(). */
#define DEBOUNCE_USEC (100 * 1000)

/* -ENOMEM, -errno of sd_event_add_time(3). */
typedef void (*debounce_work_t)(void *userdata);
int debounce_new(Debounce **ret, sd_event *event, debounce_work_t work, void *userdata);

/* Forgets work that is due. Takes NULL. Returns NULL. */
Debounce *debounce_free(Debounce *debounce);

/* Schedules the work after the pause, a multiple of DEBOUNCE_USEC, and not before it has rested; a
 * longer pause lengthens the rest in proportion. Work that is already due earlier stays so. */
void debounce_later(Debounce *debounce, uint64_t pause_usec);

/* Schedules the work at once, or as soon as it has rested. */
void debounce_soon(Debounce *debounce);

/* Work that was started when it was due, and went on elsewhere, has ended after that much time of
 * a processor: it rests from now on, for DEBOUNCE_USEC at least, and that much longer than it had
 * to before. */
void debounce_rest(Debounce *debounce, uint64_t processor_usec);

/* Schedules the work at that time (CLOCK_MONOTONIC), rested or not; work that is already due
 * earlier stays so. */
void debounce_at(Debounce *debounce, uint64_t usec);
