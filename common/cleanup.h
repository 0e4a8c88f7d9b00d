/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ownership by scope. A pointer or fd in a _cleanup_ variable is owned, any other is borrowed;
 * TAKE_PTR and TAKE_FD move ownership out, leaving nothing behind.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

#define TAKE_PTR(pointer)                                                                          \
        ({                                                                                         \
                __typeof__(pointer) *_from = &(pointer), _taken = *_from;                          \
                *_from = NULL;                                                                     \
                _taken;                                                                            \
        })

#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *_from = &(fd), _taken = *_from;                                               \
                *_from = -EBADF;                                                                   \
                _taken;                                                                            \
        })

/* Defines the _cleanup_ function of a type whose destructor takes a pointer. */
#define DEFINE_CLEANUP(type, destructor)                                                           \
        static inline void destructor##p(type **pointer) {                                         \
                if (*pointer)                                                                      \
                        destructor(*pointer);                                                      \
        }

static inline void freep(void *pointer) {
        free(*(void **)pointer);
}

/* Closes fd if it is open and returns -EBADF, for "fd = close_fd(fd)"; preserves errno. */
static inline int close_fd(int fd) {
        int saved = errno;

        if (fd >= 0)
                close(fd);
        errno = saved;
        return -EBADF;
}

static inline void close_fdp(int *fd) {
        *fd = close_fd(*fd);
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(close_fdp)
