/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/run-queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "bus/read-ahead.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(RunQueue, run_queue_free)

struct RunQueue {
        sd_bus *bus;
        ReadAhead *next; /* scheduled while a call waits */
        run_queue_dispatched_t take_dispatched;
        FairQueue calls; /* QueuedCall.link */
};

/* What was enqueued comes before what is to be read. */
int run_queue_requeue_front(RunQueue *queue, QueuedCall *call) {
        int r = sd_bus_message_rewind(call->message, true);

        return r < 0 ? r : sd_bus_enqueue_for_read(queue->bus, call->message);
}

static void on_turn(void *userdata) {
        RunQueue *queue = userdata;
        List *first = fair_queue_take(&queue->calls, USER_SLOT_MAX);
        QueuedCall *call;

        if (!fair_queue_is_empty(&queue->calls))
                read_ahead_schedule(queue->next);
        if (!first)
                return;
        call = container_of(first, QueuedCall, link);
        user_charge_done(&call->charge);
        queue->take_dispatched(call, run_queue_requeue_front(queue, call));
}

int run_queue_new(RunQueue **ret, sd_bus *bus, run_queue_dispatched_t take_dispatched) {
        _cleanup_(run_queue_freep) RunQueue *queue = calloc(1, sizeof(RunQueue));
        int r;

        if (!queue)
                return -ENOMEM;
        queue->bus = bus;
        queue->take_dispatched = take_dispatched;
        fair_queue_init(&queue->calls, USER_LINE_CALLS);
        r = read_ahead_new(&queue->next, bus, on_turn, queue);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(queue);
        return 0;
}

RunQueue *run_queue_free(RunQueue *queue) {
        if (!queue)
                return NULL;
        read_ahead_free(queue->next);
        fair_queue_done(&queue->calls);
        free(queue);
        return NULL;
}

bool run_queue_is_idle(RunQueue *queue) {
        struct pollfd pollfd = { .fd = sd_bus_get_fd(queue->bus), .events = POLLIN };

        return fair_queue_is_empty(&queue->calls) && poll(&pollfd, 1, 0) == 0;
}

int run_queue_push(RunQueue *queue, User *user, QueuedCall *call) {
        int r = user_charge(user, USER_QUEUED_CALLS, NULL, &call->charge);

        if (r < 0)
                return r;
        fair_queue_push(&queue->calls, user, &call->link);
        read_ahead_schedule(queue->next);
        return 0;
}

void run_queue_remove(QueuedCall *call) {
        list_unlink(&call->link);
        user_charge_done(&call->charge);
}
