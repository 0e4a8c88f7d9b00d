/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/delayed-close.h"

#include <errno.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"

/* Longer than the daemons take to let go: with 5 ms none closed last, on a busy machine, under
 * either daemon; with none one of ten was. */
#define LINGER_USEC   (10 * 1000)
#define ACCURACY_USEC (2 * 1000)

#define FDS_MAX     256
#define WATCHES_MAX 32 /* of those of one call */

struct Linger {
        Closer *closer;
        sd_event_source *timer; /* for the first */
        List kept;              /* Kept.link, in the order in which they are due */
        List closing;           /* Kept.link, the closer has them */
        size_t n_fds;           /* kept */
        bool stopping;
        void (*closed)(void *userdata);
        void *userdata;
};

typedef struct Kept {
        List link;
        List watches; /* RemovalWaiter.link */
        CloserJob job;
        Linger *linger;
        uint64_t due_usec;
        uid_t uid;
        uint32_t nonce;
        FdSet fds;
} Kept;

DEFINE_CLEANUP(Linger, linger_free)

/* In a thread. */
static void run(CloserJob *job) {
        fdset_done(&container_of(job, Kept, job)->fds);
}

static void done(CloserJob *job) {
        Kept *kept = container_of(job, Kept, job);
        Linger *linger = kept->linger;

        list_unlink(&kept->link);
        if (!list_is_empty(&kept->watches))
                linger->closed(linger->userdata);
        notify_removed(&kept->watches, linger->stopping ? -ECANCELED : 0);
        free(kept);
}

static void let_first_go(Linger *linger) {
        Kept *kept = container_of(linger->kept.next, Kept, link);

        list_unlink(&kept->link);
        list_append(&linger->closing, &kept->link);
        linger->n_fds -= kept->fds.n;
        closer_submit(linger->closer, &kept->job);
}

static int wait_for_first(Linger *linger) {
        const Kept *first = container_of(linger->kept.next, Kept, link);
        int r = sd_event_source_set_time(linger->timer, first->due_usec);

        return r < 0 ? r : sd_event_source_set_enabled(linger->timer, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        Linger *linger = userdata;
        uint64_t now = clock_now_usec();

        while (!list_is_empty(&linger->kept) &&
                        container_of(linger->kept.next, Kept, link)->due_usec <= now)
                let_first_go(linger);
        return list_is_empty(&linger->kept) ? 0 : wait_for_first(linger);
}

int linger_new(Linger **ret, sd_event *event, Closer *closer, void (*closed)(void *userdata),
                void *userdata) {
        _cleanup_(linger_freep) Linger *linger = calloc(1, sizeof(Linger));
        int r;

        if (!linger)
                return -ENOMEM;
        *linger = (Linger){ .closer = closer, .closed = closed, .userdata = userdata };
        list_init(&linger->kept);
        list_init(&linger->closing);
        r = sd_event_add_time(event, &linger->timer, CLOCK_MONOTONIC, UINT64_MAX, ACCURACY_USEC,
                        on_due, linger);
        if (r >= 0)
                r = sd_event_source_set_enabled(linger->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(linger);
        return 0;
}

void linger_stop(Linger *linger) {
        if (!linger)
                return;
        linger->stopping = true;
        linger->timer = sd_event_source_disable_unref(linger->timer);
        while (!list_is_empty(&linger->kept))
                let_first_go(linger);
}

Linger *linger_free(Linger *linger) {
        if (!linger)
                return NULL;
        sd_event_source_disable_unref(linger->timer);
        free(linger);
        return NULL;
}

void linger_close(Linger *linger, uid_t uid, uint32_t nonce, FdSet *fds) {
        bool first = list_is_empty(&linger->kept);
        Kept *kept;

        if (fds->n == 0)
                return;
        kept = calloc(1, sizeof(Kept));
        if (!kept) {
                closer_close(linger->closer, fds);
                return;
        }
        kept->linger = linger;
        kept->job = (CloserJob){ .run = run, .done = done };
        kept->uid = uid;
        kept->nonce = nonce;
        kept->due_usec = clock_now_usec() + LINGER_USEC;
        linger->n_fds += fds->n;
        kept->fds = fdset_take(fds);
        list_init(&kept->watches);
        list_append(&linger->kept, &kept->link);
        while (linger->n_fds > FDS_MAX)
                let_first_go(linger);
        if (first && wait_for_first(linger) < 0)
                let_first_go(linger);
}

/* NULL: none. Those that the closer has are closed first. */
static Kept *find_first(const Linger *linger, uid_t uid, const uint32_t *nonce) {
        const List *const lists[] = { &linger->closing, &linger->kept };

        for (size_t i = 0; i < 2; i++)
                LIST_FOREACH((List *)lists[i], node) {
                        Kept *kept = container_of(node, Kept, link);

                        if (kept->uid == uid && (!nonce || kept->nonce == *nonce))
                                return kept;
                }
        return NULL;
}

List *linger_watches(const Linger *linger, uid_t uid, const uint32_t *nonce) {
        Kept *first = find_first(linger, uid, nonce);
        unsigned n = 0;

        if (!first)
                return NULL;
        LIST_FOREACH(&first->watches, node)
                n++;
        return n < WATCHES_MAX ? &first->watches : NULL;
}
