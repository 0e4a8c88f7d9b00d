/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A few fds that belong together: the queues of a tap on their way to a client. It holds as many as
 * fit into one D-Bus message: dbus-daemon passes 16 and disconnects the sender of a seventeenth.
 */

#include <stddef.h>

#define FDSET_MAX 16

typedef struct FdSet {
        int fds[FDSET_MAX];
        size_t n;
} FdSet;

#define FDSET_INIT                                                                                 \
        (FdSet) {                                                                                  \
                .n = 0                                                                             \
        }

/* Takes over fd. -ENOBUFS: the set is full, and the caller keeps the fd. */
int fdset_add(FdSet *set, int fd);

/* Moves the contents out, leaving the set empty. */
FdSet fdset_take(FdSet *set);

/* Closes all of them at once. The last close of a tap sleeps ~15 ms: in the loop use
 * workers_close(). */
void fdset_done(FdSet *set);
