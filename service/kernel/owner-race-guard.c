/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/owner-race-guard.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>

static void *run(void *userdata) {
        OwnerRaceGuard *guard = userdata;

        /* EBADFD: there is no device yet. */
        while (!atomic_load(&guard->stop) && ioctl(guard->fd, TUNSETOWNER, 0) < 0 &&
                        errno == EBADFD)
                atomic_store(&guard->ready, true);
        atomic_store(&guard->ready, true);
        return NULL;
}

void owner_race_guard_begin(OwnerRaceGuard *guard, int fd) {
        guard->fd = fd;
        atomic_init(&guard->ready, false);
        atomic_init(&guard->stop, false);
        guard->runs = pthread_create(&guard->thread, NULL, run, guard) == 0;
        while (guard->runs && !atomic_load(&guard->ready))
                sched_yield();
}

void owner_race_guard_end(OwnerRaceGuard *guard) {
        atomic_store(&guard->stop, true);
        if (guard->runs)
                (void)pthread_join(guard->thread, NULL);
        guard->runs = false;
}
