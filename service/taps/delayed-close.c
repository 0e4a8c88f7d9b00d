/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/delayed-close.h"

#include <errno.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"

/* Longer than the daemons take to release a message: with 5 ms neither daemon ever closed last, on
 * a busy machine; without a delay one did in one of ten cases. */
#define DELAY_USEC    (10 * 1000)
#define ACCURACY_USEC (2 * 1000)

#define FDS_MAX     256
#define WAITERS_MAX 32 /* on one close */

struct DelayedClose {
        Workers *workers;
        sd_event_source *timer; /* for the first of pending */
        List pending;           /* PendingClose.link, in the order in which they are due */
        List closing;           /* PendingClose.link, those that the workers have */
        size_t n_fds;           /* pending */
        bool stopping;
        void (*closed)(void *userdata);
        void *userdata;
};

typedef struct PendingClose {
        List link;
        List waiters; /* RemovalWaiter.link */
        WorkersJob job;
        DelayedClose *delayed_close;
        uint64_t due_usec;
        uid_t uid;
        uint32_t nonce;
        FdSet fds;
} PendingClose;

DEFINE_CLEANUP(DelayedClose, delayed_close_free)

/* In a thread. */
static void run(WorkersJob *job) {
        fdset_done(&container_of(job, PendingClose, job)->fds);
}

static void done(WorkersJob *job) {
        PendingClose *pending = container_of(job, PendingClose, job);
        DelayedClose *delayed_close = pending->delayed_close;

        list_unlink(&pending->link);
        if (!list_is_empty(&pending->waiters))
                delayed_close->closed(delayed_close->userdata);
        notify_removed(&pending->waiters, delayed_close->stopping ? -ECANCELED : 0);
        free(pending);
}

static void let_first_go(DelayedClose *delayed_close) {
        PendingClose *pending = container_of(delayed_close->pending.next, PendingClose, link);

        list_unlink(&pending->link);
        list_append(&delayed_close->closing, &pending->link);
        delayed_close->n_fds -= pending->fds.n;
        workers_submit(delayed_close->workers, &pending->job);
}

static int wait_for_first(DelayedClose *delayed_close) {
        const PendingClose *first = container_of(delayed_close->pending.next, PendingClose, link);
        int r = sd_event_source_set_time(delayed_close->timer, first->due_usec);

        return r < 0 ? r : sd_event_source_set_enabled(delayed_close->timer, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        DelayedClose *delayed_close = userdata;
        uint64_t now = clock_now_usec();

        while (!list_is_empty(&delayed_close->pending) &&
                        container_of(delayed_close->pending.next, PendingClose, link)->due_usec <=
                                        now)
                let_first_go(delayed_close);
        return list_is_empty(&delayed_close->pending) ? 0 : wait_for_first(delayed_close);
}

int delayed_close_new(DelayedClose **ret, sd_event *event, Workers *workers,
                void (*closed)(void *userdata), void *userdata) {
        _cleanup_(delayed_close_freep) DelayedClose *delayed_close =
                        calloc(1, sizeof(DelayedClose));
        int r;

        if (!delayed_close)
                return -ENOMEM;
        *delayed_close = (DelayedClose){
                .workers = workers, .closed = closed, .userdata = userdata
        };
        list_init(&delayed_close->pending);
        list_init(&delayed_close->closing);
        r = sd_event_add_time(event, &delayed_close->timer, CLOCK_MONOTONIC, UINT64_MAX,
                        ACCURACY_USEC, on_due, delayed_close);
        if (r >= 0)
                r = sd_event_source_set_enabled(delayed_close->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(delayed_close);
        return 0;
}

void delayed_close_stop(DelayedClose *delayed_close) {
        if (!delayed_close)
                return;
        delayed_close->stopping = true;
        delayed_close->timer = sd_event_source_disable_unref(delayed_close->timer);
        while (!list_is_empty(&delayed_close->pending))
                let_first_go(delayed_close);
}

DelayedClose *delayed_close_free(DelayedClose *delayed_close) {
        if (!delayed_close)
                return NULL;
        sd_event_source_disable_unref(delayed_close->timer);
        free(delayed_close);
        return NULL;
}

void delayed_close_close(DelayedClose *delayed_close, uid_t uid, uint32_t nonce, FdSet *fds) {
        bool first = list_is_empty(&delayed_close->pending);
        PendingClose *pending;

        if (fds->n == 0)
                return;
        pending = calloc(1, sizeof(PendingClose));
        if (!pending) {
                workers_close(delayed_close->workers, fds);
                return;
        }
        pending->delayed_close = delayed_close;
        pending->job = (WorkersJob){ .run = run, .done = done };
        pending->uid = uid;
        pending->nonce = nonce;
        pending->due_usec = clock_now_usec() + DELAY_USEC;
        delayed_close->n_fds += fds->n;
        pending->fds = fdset_take(fds);
        list_init(&pending->waiters);
        list_append(&delayed_close->pending, &pending->link);
        while (delayed_close->n_fds > FDS_MAX)
                let_first_go(delayed_close);
        if (first && wait_for_first(delayed_close) < 0)
                let_first_go(delayed_close);
}

/* NULL: none. Those that the workers have are closed first. */
static PendingClose *find_first(
                const DelayedClose *delayed_close, uid_t uid, const uint32_t *nonce) {
        const List *const lists[] = { &delayed_close->closing, &delayed_close->pending };

        for (size_t i = 0; i < 2; i++)
                LIST_FOREACH((List *)lists[i], node) {
                        PendingClose *pending = container_of(node, PendingClose, link);

                        if (pending->uid == uid && (!nonce || pending->nonce == *nonce))
                                return pending;
                }
        return NULL;
}

List *delayed_close_waiters(const DelayedClose *delayed_close, uid_t uid, const uint32_t *nonce) {
        PendingClose *first = find_first(delayed_close, uid, nonce);
        unsigned n = 0;

        if (!first)
                return NULL;
        LIST_FOREACH(&first->waiters, node)
                n++;
        return n < WAITERS_MAX ? &first->waiters : NULL;
}
