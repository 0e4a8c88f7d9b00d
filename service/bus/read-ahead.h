/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Something to be done when all that the bus has is read, and before the loop waits: whoever is
 * about to leave, or to stand in line, is known then. But nobody can put it off for longer than
 * four milliseconds, or than the one message takes that is being read then: how many messages that
 * are says little, since one can cost as much as a thousand others.
 */

#include <systemd/sd-bus.h>

typedef struct ReadAhead ReadAhead;

/* The bus must be attached to its loop. -ENOMEM, -errno of sd-event. */
typedef void (*read_ahead_t)(void *userdata);
int read_ahead_new(ReadAhead **ret, sd_bus *bus, read_ahead_t callback, void *userdata);

/* Takes NULL. Returns NULL. */
ReadAhead *read_ahead_free(ReadAhead *ahead);

/* Once. Where it is scheduled already its time stays. */
void read_ahead_schedule(ReadAhead *ahead);
