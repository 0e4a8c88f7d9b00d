/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A switch with two ports: it copies frames from each tap to the other, one by one, with their
 * header if there is one. It stands in for a virtual machine monitor, and its system calls are what
 * the benchmark counts.
 */

#include <stdint.h>

typedef struct Switch Switch;

/* Borrows the two fds, which must be non-blocking. NULL: out of memory. */
Switch *switch_new(int a, int b);
void switch_free(Switch *s);

/* Waits at most timeout_ms for frames, and moves those that are there, up to some dozens each way.
 * Frames that a tap does not accept are lost, as on a wire. Negative errno of poll(2), or -EIO if a
 * tap is gone. */
int switch_step(Switch *s, int timeout_ms);

/* The number of reads and writes of the taps so far, including those that found nothing, but not
 * calls of poll(2). */
uint64_t switch_calls(const Switch *s);
