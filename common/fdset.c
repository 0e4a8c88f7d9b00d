/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/fdset.h"

#include <errno.h>

#include "common/cleanup.h"

int fdset_add(FdSet *set, int fd) {
        if (set->n >= FDSET_MAX)
                return -ENOBUFS;
        set->fds[set->n++] = fd;
        return 0;
}

FdSet fdset_take(FdSet *set) {
        FdSet taken = *set;

        set->n = 0;
        return taken;
}

void fdset_done(FdSet *set) {
        while (set->n > 0)
                close_fd(set->fds[--set->n]);
}
