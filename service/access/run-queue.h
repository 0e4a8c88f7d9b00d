/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a call goes to its handler: the users take turns, call by call (round-robin). What is there
 * to be read is read before the next turn (bus/read-ahead): a call that is not queued yet gets no
 * turn.
 */

#include <systemd/sd-bus.h>

#include "common/user.h"

typedef struct RunQueue RunQueue;

/* One call, part of what its owner knows of it. */
typedef struct QueuedCall {
        List link; /* linked: it waits for its turn */
        sd_bus_message *message;
        UserCharge charge;
} QueuedCall;

/* take_dispatched(): the call's turn has come. r >= 0: the bus dispatches it next; r < 0: it cannot
 * be dispatched. The bus must be attached to its loop. -ENOMEM, -errno of sd-event. */
typedef void (*run_queue_dispatched_t)(QueuedCall *call, int r);
int run_queue_new(RunQueue **ret, sd_bus *bus, run_queue_dispatched_t take_dispatched);

/* No call may be left. Takes NULL. Returns NULL. */
RunQueue *run_queue_free(RunQueue *queue);

/* Whether nobody waits, and nobody is about to: then a call that has come needs no turn. */
bool run_queue_is_idle(RunQueue *queue);

/* Last of the user's. -EUSERS: too many of theirs wait. */
int run_queue_push(RunQueue *queue, User *user, QueuedCall *call);

/* Before all others: it has had its turn, and waited for something. -errno of sd-bus. */
int run_queue_requeue_front(RunQueue *queue, QueuedCall *call);

/* It waits no more. */
void run_queue_remove(QueuedCall *call);
