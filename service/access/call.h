/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One incoming message, from first sight to its answer: who makes it, by what row of the policy
 * table, and what it waits for.
 *
 *     IDENTIFYING → QUEUED → DISPATCHED → RUNNING ⇄ AUTHORIZING | BLOCKED
 *
 * A call is held before any handler has seen it, until it is known who makes it and until it is its
 * turn; those of one caller keep their order. Its handler may find that it has to wait, for polkit
 * or for something that is going, and returns without an answer: then it is dispatched again when
 * that is over. It ends when its handler has returned otherwise. Of a caller who leaves all calls
 * are dropped, and whoever still has one when the service stops is told so.
 */

#include "access/authorization.h"
#include "access/policy.h"
#include "access/run-queue.h"
#include "common/removal.h"

typedef struct Calls Calls;
typedef struct Call Call;

typedef enum CallState {
        CALL_IDENTIFYING, /* the bus is asked who makes it */
        CALL_QUEUED,
        CALL_DISPATCHED, /* its turn has come; it is on its way to its handler */
        CALL_RUNNING,
        CALL_AUTHORIZING, /* polkit is asked */
        CALL_BLOCKED,     /* on the end of something */
} CallState;

/* All that the call was blocked on is over. error: 0, or the first that went wrong; -ECANCELED is
 * not passed on: it means that the service is stopping. Answers the call. */
typedef int (*call_unblocked_t)(Call *call, int error, void *userdata);

struct Call {
        List link;        /* Calls.by_message[] */
        List of_caller;   /* Caller.calls */
        QueuedCall entry; /* with the message */
        CallState state;
        Calls *calls;
        Caller *caller; /* held */
        const PolicyRow *row;
        Authorization authorization;
        List blocked_on;       /* what call_wait_for() gave and is not over yet, */
        unsigned n_blocked_on; /* and how often it did */
        int error;             /* of what it waited for last: 0, or the first that went wrong */
        call_unblocked_t unblocked;
        void *userdata;
};

/* The users stay the caller's. The bus must be attached to its loop. -ENOMEM, -errno of sd-event
 * and sd-bus. */
int calls_new(Calls **ret, sd_bus *bus, Users *users);

/* Calls that are not answered yet are told that the service is stopping. Takes NULL. Returns NULL.
 */
Calls *calls_free(Calls *calls);

/* From the filter, each time that a message is dispatched. 1: its handler may have it. 0: it is
 * held, and will be dispatched again or dropped. -EACCES with AccessDenied: it has no sender.
 * -EMSGSIZE with InvalidArgs: it is too large. -EUSERS with LimitsExceeded: too many calls of the
 * user, or of unknown callers, are held. -ENOMEM. */
int calls_enter(Calls *calls, sd_bus_message *message, const PolicyRow *row, Failure *failure);

/* Right after a handler has returned: a call that waits for nothing is over. */
void calls_after_handler(Calls *calls);

/* In a handler: its call. NULL: it is not one that calls_enter() let pass. */
Call *calls_running(const Calls *calls, sd_bus_message *message);

static inline const Subject *call_subject(const Call *call) {
        return &call->caller->subject;
}

/* In a handler that returns without an answer: unblocked() gives it when all that call_wait_for()
 * has named is over. NULL: the call is dispatched again then, and its verdicts are kept. */
void call_block(Call *call, call_unblocked_t unblocked, void *userdata);

/* It waits for one thing, whose end the RemovalWaiters of the list are told. 1; or -ENOMEM. */
int call_block_on(Call *call, List *waiters, call_unblocked_t unblocked, void *userdata);

/* One more thing that a blocked call waits for; it is the call's. NULL: out of memory, which is
 * the call's error then. */
RemovalWaiter *call_wait_for(Call *call);
