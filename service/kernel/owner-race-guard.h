/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new device has no owner for the moment between two system calls, and the kernel has told
 * everybody its name by then: who waits for that, and spins on the kernel's lock, can open a queue
 * of a multiqueue device first. Against such a racer a thread asks for the owner over and over
 * while the device is being made: it stands at the lock before the name is known, and so before
 * them.
 *
 * It burns a processor for the fraction of a millisecond, and is only for where the race was lost
 * before.
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

/* Gives the device behind fd to root as soon as there is one. Without a thread nothing is done. */
void owner_race_guard_begin(OwnerRaceGuard *escort, int fd);

/* The device is there, or will not be. */
void owner_race_guard_end(OwnerRaceGuard *escort);
