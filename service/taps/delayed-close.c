/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/delayed-close.h"

#include <errno.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"

/* Longer than the daemons take to let go: with 5 ms none closed last, on a busy machine, under
 * either daemon; with none one of ten was. */
#define DELAY_USEC    (10 * 1000)
#define ACCURACY_USEC (2 * 1000)

#define FDS_MAX     256
#define WAITERS_MAX 32 /* of those of one call */

struct DelayedClose {
        Workers *workers;
        sd_event_source *timer; /* for the first */
        List kept;              /* Kept.link, in the order in which they are due */
        List closing;           /* Kept.link, the workers has them */
        size_t n_fds;           /* kept */
        bool stopping;
        void (*closed)(void *userdata);
        void *userdata;
};

typedef struct Kept {
        List link;
        List waiters; /* RemovalWaiter.link */
        WorkersJob job;
        DelayedClose *delayed_close;
        uint64_t due_usec;
        uid_t uid;
        uint32_t nonce;
        FdSet fds;
} Kept;

DEFINE_CLEANUP(DelayedClose, delayed_close_free)

/* In a thread. */
static void run(WorkersJob *job) {
        fdset_done(&container_of(job, Kept, job)->fds);
}

static void done(WorkersJob *job) {
        Kept *kept = container_of(job, Kept, job);
        DelayedClose *delayed_close = kept->delayed_close;

        list_unlink(&kept->link);
        if (!list_is_empty(&kept->waiters))
                delayed_close->closed(delayed_close->userdata);
        notify_removed(&kept->waiters, delayed_close->stopping ? -ECANCELED : 0);
        free(kept);
}

static void let_first_go(DelayedClose *delayed_close) {
        Kept *kept = container_of(delayed_close->kept.next, Kept, link);

        list_unlink(&kept->link);
        list_append(&delayed_close->closing, &kept->link);
        delayed_close->n_fds -= kept->fds.n;
        workers_submit(delayed_close->workers, &kept->job);
}

static int wait_for_first(DelayedClose *delayed_close) {
        const Kept *first = container_of(delayed_close->kept.next, Kept, link);
        int r = sd_event_source_set_time(delayed_close->timer, first->due_usec);

        return r < 0 ? r : sd_event_source_set_enabled(delayed_close->timer, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        DelayedClose *delayed_close = userdata;
        uint64_t now = clock_now_usec();

        while (!list_is_empty(&delayed_close->kept) &&
                        container_of(delayed_close->kept.next, Kept, link)->due_usec <= now)
                let_first_go(delayed_close);
        return list_is_empty(&delayed_close->kept) ? 0 : wait_for_first(delayed_close);
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
        list_init(&delayed_close->kept);
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
        while (!list_is_empty(&delayed_close->kept))
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
        bool first = list_is_empty(&delayed_close->kept);
        Kept *kept;

        if (fds->n == 0)
                return;
        kept = calloc(1, sizeof(Kept));
        if (!kept) {
                workers_close(delayed_close->workers, fds);
                return;
        }
        kept->delayed_close = delayed_close;
        kept->job = (WorkersJob){ .run = run, .done = done };
        kept->uid = uid;
        kept->nonce = nonce;
        kept->due_usec = clock_now_usec() + DELAY_USEC;
        delayed_close->n_fds += fds->n;
        kept->fds = fdset_take(fds);
        list_init(&kept->waiters);
        list_append(&delayed_close->kept, &kept->link);
        while (delayed_close->n_fds > FDS_MAX)
                let_first_go(delayed_close);
        if (first && wait_for_first(delayed_close) < 0)
                let_first_go(delayed_close);
}

/* NULL: none. Those that the workers has are closed first. */
static Kept *find_first(const DelayedClose *delayed_close, uid_t uid, const uint32_t *nonce) {
        const List *const lists[] = { &delayed_close->closing, &delayed_close->kept };

        for (size_t i = 0; i < 2; i++)
                LIST_FOREACH((List *)lists[i], node) {
                        Kept *kept = container_of(node, Kept, link);

                        if (kept->uid == uid && (!nonce || kept->nonce == *nonce))
                                return kept;
                }
        return NULL;
}

List *delayed_close_waiters(const DelayedClose *delayed_close, uid_t uid, const uint32_t *nonce) {
        Kept *first = find_first(delayed_close, uid, nonce);
        unsigned n = 0;

        if (!first)
                return NULL;
        LIST_FOREACH(&first->waiters, node)
                n++;
        return n < WAITERS_MAX ? &first->waiters : NULL;
}
