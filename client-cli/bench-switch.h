/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A switch with two ports: what is read from one tap is written to the other, frame by frame, with
 * its header if there is one. It is the stand-in for a virtual machine monitor, and its system
 * calls are what is counted.
 */

#include <stdint.h>

typedef struct Switch Switch;

/* Borrows the two fds, which must not block. NULL without memory. */
Switch *switch_new(int a, int b);
void switch_free(Switch *s);

/* Waits for frames, for at most timeout_ms, and moves what is there, up to some dozens each way.
 * Frames that a tap does not take are lost, as on a wire. Negative errno of poll(2), or -EIO if a
 * tap is gone. */
int switch_step(Switch *s, int timeout_ms);

/* The reads and writes of the taps so far, those that found nothing too; calls of poll(2) are not
 * among them. */
uint64_t switch_calls(const Switch *s);
