/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new device has no owner for the moment between two system calls, and by then the kernel has
 * announced its name: a process that waits for that, and spins on the kernel's lock, can open a
 * queue of a multiqueue device first. To beat such a racer, a thread tries to set the owner over
 * and over while the device is being created: it waits for the lock before the name is known, and
 * so before the racer.
 *
 * It keeps a CPU busy for a fraction of a millisecond, so it is only used after the race was lost
 * once.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct OwnerRaceGuard {
        pthread_t thread;
        bool runs;
        int fd;
        atomic_bool ready, stop;
} OwnerRaceGuard;

/* Makes root the owner of the device behind fd as soon as there is one. Does nothing if no thread
 * can be started. */
void owner_race_guard_begin(OwnerRaceGuard *guard, int fd);

/* Call once the device exists, or could not be created. */
void owner_race_guard_end(OwnerRaceGuard *guard);
