/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/owner-race-guard.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>

static void *run(void *userdata) {
        OwnerRaceGuard *escort = userdata;

        /* EBADFD: there is no device yet. */
        while (!atomic_load(&escort->stop) && ioctl(escort->fd, TUNSETOWNER, 0) < 0 &&
                        errno == EBADFD)
                atomic_store(&escort->ready, true);
        atomic_store(&escort->ready, true);
        return NULL;
}

void owner_race_guard_begin(OwnerRaceGuard *escort, int fd) {
        escort->fd = fd;
        atomic_init(&escort->ready, false);
        atomic_init(&escort->stop, false);
        escort->runs = pthread_create(&escort->thread, NULL, run, escort) == 0;
        while (escort->runs && !atomic_load(&escort->ready))
                sched_yield();
}

void owner_race_guard_end(OwnerRaceGuard *escort) {
        atomic_store(&escort->stop, true);
        if (escort->runs)
                (void)pthread_join(escort->thread, NULL);
        escort->runs = false;
}
