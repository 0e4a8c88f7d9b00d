/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "bus/message-size.h"
#include "common/bus-error.h"
#include "common/log.h"

#define IDENTIFYING_PER_CALLER 128
#define IDENTIFYING_MAX        1024

#define BUCKETS 256

DEFINE_CLEANUP(Calls, calls_free)

struct Calls {
        Callers *callers;
        RunQueue *queue;
        Authorizations *authorizations;
        Call *running; /* whose handler has it, or has just returned */
        unsigned n_identifying;
        List by_message[BUCKETS]; /* Call.link */
};

/* One thing that a call is blocked on. */
typedef struct BlockedOn {
        RemovalWaiter waiter;
        List link; /* Call.blocked_on */
        Call *call;
} BlockedOn;

static List *bucket_of(Calls *calls, const sd_bus_message *message) {
        return &calls->by_message[((uintptr_t)message >> 5) % BUCKETS];
}

/* NULL: it is seen for the first time. */
static Call *find_call(Calls *calls, const sd_bus_message *message) {
        List *bucket = bucket_of(calls, message);

        LIST_FOREACH(bucket, node) {
                Call *call = container_of(node, Call, link);

                if (call->entry.message == message)
                        return call;
        }
        return NULL;
}

static void blocked_on_free(BlockedOn *on) {
        list_unlink(&on->waiter.link);
        list_unlink(&on->link);
        free(on);
}

static void set_state(Call *call, CallState state) {
        call->calls->n_identifying -= call->state == CALL_IDENTIFYING;
        call->calls->n_identifying += state == CALL_IDENTIFYING;
        call->state = state;
}

static void call_free(Call *call) {
        if (call->calls->running == call)
                call->calls->running = NULL;
        set_state(call, CALL_RUNNING);
        LIST_FOREACH_SAFE(&call->blocked_on, node)
                blocked_on_free(container_of(node, BlockedOn, link));
        authorization_reset(&call->authorization);
        run_queue_remove(&call->entry);
        list_unlink(&call->link);
        list_unlink(&call->of_caller);
        sd_bus_message_unref(call->entry.message);
        caller_release(call->caller);
        free(call);
}

/* NULL: out of memory. */
static Call *call_new(Calls *calls, Caller *caller, sd_bus_message *message, const PolicyRow *row) {
        Call *call = calloc(1, sizeof(Call));

        if (!call)
                return NULL;
        caller_hold(caller);
        call->calls = calls;
        call->caller = caller;
        call->row = row;
        call->state = CALL_RUNNING;
        call->entry.message = sd_bus_message_ref(message);
        list_init(&call->entry.link);
        list_init(&call->blocked_on);
        authorization_init(&call->authorization, calls->authorizations, caller, message);
        list_append(bucket_of(calls, message), &call->link);
        list_append(&caller->calls, &call->of_caller);
        return call;
}

static void refuse(Call *call, int error, const Failure *failure) {
        _cleanup_(sd_bus_error_free) sd_bus_error answer = SD_BUS_ERROR_NULL;
        int r;

        error_answer(&answer, failure, error);
        r = sd_bus_reply_method_error(call->entry.message, &answer);
        if (r < 0)
                log_warning("Cannot refuse a call that waited: %s", strerror(-r));
        call_free(call);
}

/* Whoever still waits when the service stops; the bus is still there, to be flushed. */
static void refuse_stopping(Call *call) {
        Failure failure = FAILURE_INIT;
        int r = failure_set(&failure, FAILURE_KERNEL, ECANCELED,
                        "The service is stopping; the call was not carried out. Try again.");

        if (call->state == CALL_RUNNING || call->caller->state == CALLER_LEFT)
                call_free(call); /* it is answered, or nobody waits for an answer */
        else
                refuse(call, r, &failure);
}

static void take_dispatched(QueuedCall *entry, int r) {
        const Failure failure = FAILURE_INIT;
        Call *call = container_of(entry, Call, entry);

        if (r < 0)
                refuse(call, r, &failure);
        else
                set_state(call, CALL_DISPATCHED);
}

/* It has had its turn. */
static void dispatch_again(Call *call) {
        take_dispatched(&call->entry, run_queue_requeue_front(call->calls->queue, &call->entry));
}

static int too_many(Failure *failure) {
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many of your calls wait for their turn. Try again when some have been answered.");
}

/* -EUSERS with LimitsExceeded. */
static int enqueue_identified(Call *call, Failure *failure) {
        if (run_queue_push(call->calls->queue, call->caller->user, &call->entry) < 0)
                return too_many(failure);
        set_state(call, CALL_QUEUED);
        return 0;
}

static void on_identified(Caller *caller, int r, const Failure *failure, void *userdata) {
        LIST_FOREACH_SAFE(&caller->calls, node) {
                Call *call = container_of(node, Call, of_caller);
                Failure refusal = *failure;
                int k = r < 0 ? r : enqueue_identified(call, &refusal);

                if (k == -ESRCH) /* nobody waits for an answer */
                        call_free(call);
                else if (k < 0)
                        refuse(call, k, &refusal);
        }
}

static void on_left(Caller *caller, void *userdata) {
        LIST_FOREACH_SAFE(&caller->calls, node) {
                Call *call = container_of(node, Call, of_caller);

                /* The bus has the message, and it ends where it comes in. */
                if (call->state != CALL_DISPATCHED &&
                                !authorization_is_left_to_agent(&call->authorization))
                        call_free(call);
        }
}

static void on_decided(Authorization *authorization) {
        Call *call = container_of(authorization, Call, authorization);

        if (call->caller->state == CALLER_LEFT)
                call_free(call);
        else
                dispatch_again(call);
}

int calls_new(Calls **ret, sd_bus *bus, Users *users) {
        static const CallersObserver observer = { .identified = on_identified, .left = on_left };
        _cleanup_(calls_freep) Calls *calls = calloc(1, sizeof(Calls));
        int r;

        if (!calls)
                return -ENOMEM;
        for (size_t i = 0; i < BUCKETS; i++)
                list_init(&calls->by_message[i]);
        r = callers_new(&calls->callers, bus, users, &observer, calls);
        if (r >= 0)
                r = run_queue_new(&calls->queue, bus, take_dispatched);
        if (r >= 0)
                r = authorizations_new(&calls->authorizations, bus, on_decided);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(calls);
        return 0;
}

/* Also when something could not be deleted: then a call that runs again fails as it must. */
static void unblock(Call *call) {
        int r;

        if (call->error == -ECANCELED) {
                refuse_stopping(call);
                return;
        }
        if (!call->unblocked) {
                dispatch_again(call);
                return;
        }
        r = call->unblocked(call, call->error, call->userdata);
        if (r < 0)
                log_warning("Cannot answer a call that waited: %s", strerror(-r));
        call_free(call);
}

/* The handler has returned: a call that waits for nothing is over. */
static void end_run(Calls *calls) {
        Call *call = TAKE_PTR(calls->running);

        if (call && call->state == CALL_RUNNING) {
                if (call->authorization.open > 0)
                        set_state(call, CALL_AUTHORIZING);
                else
                        call_free(call);
        } else if (call && call->state == CALL_BLOCKED && list_is_empty(&call->blocked_on))
                unblock(call);
}

Calls *calls_free(Calls *calls) {
        if (!calls)
                return NULL;
        end_run(calls);
        for (size_t i = 0; i < BUCKETS; i++)
                LIST_FOREACH_SAFE(&calls->by_message[i], node)
                        refuse_stopping(container_of(node, Call, link));
        authorizations_free(calls->authorizations);
        run_queue_free(calls->queue);
        callers_free(calls->callers);
        free(calls);
        return NULL;
}

static void run(Call *call) {
        set_state(call, CALL_RUNNING);
        authorization_consume(&call->authorization);
        call->calls->running = call;
}

/* It has been here before. */
static int resume(Call *call) {
        if (call->caller->state == CALLER_LEFT) {
                call_free(call);
                return 0;
        }
        run(call);
        return 1;
}

/* The fuller it is, the fewer calls of one caller there may be: so many connections have to come
 * together to keep a new one out. n_calls: of the caller's, that are held already. -EUSERS */
static int check_room_to_identify(const Calls *calls, unsigned n_calls, Failure *failure) {
        if (n_calls < IDENTIFYING_PER_CALLER &&
                        calls->n_identifying + 7 * n_calls < IDENTIFYING_MAX)
                return 0;
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many calls wait for the bus to say who makes them. Try again when some have been answered.");
}

/* Until it is known who makes it. caller: NULL: it is their first. The bus is not asked about
 * callers who would be refused whatever it says. -EUSERS, -ENOMEM. */
static int hold(Calls *calls, Caller *caller, sd_bus_message *message, const PolicyRow *row,
                Failure *failure) {
        int r = check_room_to_identify(calls, caller ? caller->n_calls : 0, failure);
        Call *call;

        if (r < 0)
                return r;
        if (caller)
                caller_hold(caller);
        else
                r = caller_new(calls->callers, sd_bus_message_get_sender(message), &caller);
        if (r < 0)
                return r;
        call = call_new(calls, caller, message, row);
        if (call)
                set_state(call, CALL_IDENTIFYING);
        caller_release(caller);
        return call ? 0 : -ENOMEM;
}

/* Of a known caller: at once, if nobody else waits. */
static int enter_identified(Calls *calls, Caller *caller, sd_bus_message *message,
                const PolicyRow *row, Failure *failure) {
        const bool is_idle = run_queue_is_idle(calls->queue);
        Call *call = call_new(calls, caller, message, row);
        int r;

        if (!call)
                return -ENOMEM;
        if (is_idle) {
                run(call);
                return 1;
        }
        r = enqueue_identified(call, failure);
        if (r < 0)
                call_free(call);
        return r;
}

int calls_enter(Calls *calls, sd_bus_message *message, const PolicyRow *row, Failure *failure) {
        const char *name = sd_bus_message_get_sender(message);
        Call *call = find_call(calls, message);
        Caller *caller = caller_find(calls->callers, name);
        int r;

        if (call)
                return resume(call);
        if (!caller_is_name(name))
                return failure_set(
                                failure, FAILURE_ACCESS_DENIED, EACCES, "The call has no sender.");
        if (caller && caller->state == CALLER_LEFT)
                return 0;
        if (caller && caller->user && user_is_full(caller->user, USER_QUEUED_CALLS))
                return sd_bus_message_get_expect_reply(message) ? too_many(failure) : 0;
        r = message_check_size(message, failure);
        if (r < 0)
                return r;
        if (!caller || caller->state != CALLER_KNOWN)
                return hold(calls, caller, message, row, failure);
        return enter_identified(calls, caller, message, row, failure);
}

void calls_after_handler(Calls *calls) {
        end_run(calls);
        authorizations_send(calls->authorizations);
}

Call *calls_running(const Calls *calls, sd_bus_message *message) {
        return calls->running && calls->running->entry.message == message ? calls->running : NULL;
}

void call_block(Call *call, call_unblocked_t unblocked, void *userdata) {
        set_state(call, CALL_BLOCKED);
        call->error = 0; /* of what it waited for before */
        call->unblocked = unblocked;
        call->userdata = userdata;
}

/* While its handler runs it may be going to name more. */
static void on_removed(RemovalWaiter *waiter, int error) {
        BlockedOn *on = container_of(waiter, BlockedOn, waiter);
        Call *call = on->call;

        if (error < 0 && call->error == 0)
                call->error = error;
        blocked_on_free(on);
        if (list_is_empty(&call->blocked_on) && call->calls->running != call)
                unblock(call);
}

RemovalWaiter *call_wait_for(Call *call) {
        BlockedOn *on = calloc(1, sizeof(BlockedOn));

        if (!on) {
                call->error = -ENOMEM;
                return NULL;
        }
        list_init(&on->waiter.link);
        on->waiter.removed = on_removed;
        on->call = call;
        list_append(&call->blocked_on, &on->link);
        call->n_blocked_on++;
        return &on->waiter;
}

int call_block_on(Call *call, List *waiters, call_unblocked_t unblocked, void *userdata) {
        RemovalWaiter *waiter = call_wait_for(call);

        if (!waiter)
                return -ENOMEM;
        call_block(call, unblocked, userdata);
        list_append(waiters, &waiter->link);
        return 1;
}
