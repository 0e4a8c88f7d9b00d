/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Work that events make due, and that costs the more the more there is on the host. Events are
 * coalesced: it is done a pause after the first of them. And it rests: it takes at most one in 40
 * of the processor's time and keeps the loop waiting for one in ten, whatever others change, and
 * never rests for longer than a minute.
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

/* After the pause, a multiple of DEBOUNCE_USEC, and not before it has rested; where that is so much
 * longer it rests so much longer, too. What is due earlier already stays so. */
void debounce_later(Debounce *debounce, uint64_t pause_usec);

/* At once, or as soon as it has rested. */
void debounce_soon(Debounce *debounce);

/* Work that was begun when it was due and went on elsewhere has ended, and has taken so much of a
 * processor: it rests from now on, for DEBOUNCE_USEC at least. */
void debounce_rest(Debounce *debounce, uint64_t processor_usec);

/* At that time of CLOCK_MONOTONIC, rested or not; what is due earlier already stays so. */
void debounce_at(Debounce *debounce, uint64_t usec);
