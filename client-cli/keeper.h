/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps a tap by doing nothing: waits until somebody wants it to end.
 */

#include "common/fdset.h"
#include "status.h"

/* From now on SIGINT, SIGTERM and SIGHUP wait to be read instead of killing. An fd, or a negative
 * errno. */
int keeper_block_signals(void);

/* Waits for one of these signals (from the fd above), for the end of standard input, or for the
 * kernel to take the tap away, which is the one failure. interface is what the tap is called in the
 * sentence. */
Status keeper_wait(const FdSet *queues, int signals, const char *interface);
