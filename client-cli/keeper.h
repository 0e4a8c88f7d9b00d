/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps a tap alive: waits until somebody wants it to end.
 */

#include "common/fdset.h"
#include "status.h"

/* Blocks SIGINT, SIGTERM and SIGHUP, and returns an fd from which to read them, or a negative
 * errno. */
int keeper_block_signals(void);

/* Waits for one of these signals (on the fd above), for the end of standard input, or for the tap
 * to be deleted, which is the only failure. interface names the tap in messages. */
Status keeper_wait(const FdSet *queues, int signals, const char *interface);
