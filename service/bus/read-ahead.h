/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs a callback once all pending messages are read, before the loop waits: by then we know who
 * has left, and who else has called. Nobody can put it off for longer than four milliseconds, plus
 * the one message that is being handled then. The limit is a time and not a number of messages,
 * since one can cost as much as a thousand others.
 */

#include <systemd/sd-bus.h>

typedef struct ReadAhead ReadAhead;

/* The bus must be attached to its loop. -ENOMEM, -errno of sd-event. */
typedef void (*read_ahead_t)(void *userdata);
int read_ahead_new(ReadAhead **ret, sd_bus *bus, read_ahead_t callback, void *userdata);

/* Takes NULL. Returns NULL. */
ReadAhead *read_ahead_free(ReadAhead *ahead);

/* Schedules one run. If it is scheduled already, its deadline stays. */
void read_ahead_schedule(ReadAhead *ahead);
