/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/reconcile.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

#define ACCURACY_USEC 1000

DEFINE_CLEANUP(Reconciler, reconciler_free)

struct Reconciler {
        List marked; /* Reconcilable.link */
        sd_event_source *timer;
};

static void set_timer(Reconciler *reconciler) {
        uint64_t first = UINT64_MAX;

        LIST_FOREACH(&reconciler->marked, node) {
                const Reconcilable *thing = container_of(node, Reconcilable, link);

                if (thing->due_usec < first)
                        first = thing->due_usec;
        }
        if (first == UINT64_MAX)
                (void)sd_event_source_set_enabled(reconciler->timer, SD_EVENT_OFF);
        else if (sd_event_source_set_time(reconciler->timer, first) < 0 ||
                        sd_event_source_set_enabled(reconciler->timer, SD_EVENT_ONESHOT) < 0)
                log_error("Cannot set the timer for reconciling: changes made by others go unnoticed");
}

/* Only those that were marked before this began, each once. */
void reconciler_run(Reconciler *reconciler) {
        const uint64_t now = clock_now_usec();
        List due;

        if (list_is_empty(&reconciler->marked))
                return;
        list_init(&due);
        LIST_FOREACH_SAFE(&reconciler->marked, node) {
                if (container_of(node, Reconcilable, link)->due_usec > now)
                        continue;
                list_unlink(node);
                list_append(&due, node);
        }
        /* reconcile() may free any of them. */
        while (!list_is_empty(&due)) {
                Reconcilable *thing = container_of(due.next, Reconcilable, link);

                list_unlink(&thing->link);
                thing->done_usec = now;
                thing->reconcile(thing);
        }
        set_timer(reconciler);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        reconciler_run(userdata);
        return 0;
}

int reconciler_new(Reconciler **ret, sd_event *event) {
        _cleanup_(reconciler_freep) Reconciler *reconciler = calloc(1, sizeof(Reconciler));
        int r;

        if (!reconciler)
                return -ENOMEM;
        list_init(&reconciler->marked);
        r = sd_event_add_time(event, &reconciler->timer, CLOCK_MONOTONIC, UINT64_MAX, ACCURACY_USEC,
                        on_due, reconciler);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(reconciler->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reconciler);
        return 0;
}

Reconciler *reconciler_free(Reconciler *reconciler) {
        if (reconciler) {
                LIST_FOREACH_SAFE(&reconciler->marked, node)
                        list_unlink(node);
                sd_event_source_disable_unref(reconciler->timer);
                free(reconciler);
        }
        return NULL;
}

static bool is_marked(const Reconcilable *thing) {
        return thing->link.next && !list_is_empty(&thing->link);
}

void reconciler_mark_at(Reconciler *reconciler, Reconcilable *thing, uint64_t usec) {
        uint64_t next;

        if (is_marked(thing)) {
                if (usec >= thing->due_usec)
                        return;
        } else {
                list_unlink(&thing->link);
                list_append(&reconciler->marked, &thing->link);
        }
        thing->due_usec = usec;
        if (sd_event_source_get_enabled(reconciler->timer, NULL) <= 0 ||
                        sd_event_source_get_time(reconciler->timer, &next) < 0 || usec < next)
                set_timer(reconciler);
}

void reconciler_mark(Reconciler *reconciler, Reconcilable *thing) {
        const uint64_t now = clock_now_usec(), next = thing->done_usec + thing->interval_usec;

        reconciler_mark_at(reconciler, thing, thing->done_usec > 0 && next > now ? next : now);
}

void reconciler_forget(Reconcilable *thing) {
        list_unlink(&thing->link);
}

bool restore_limit_take(RestoreLimit *limit, uint64_t now_usec) {
        if (limit->at_usec[limit->oldest] > 0 && restore_limit_next(limit) > now_usec)
                return false;
        limit->at_usec[limit->oldest] = now_usec;
        limit->oldest = (limit->oldest + 1) % RESTORATIONS_MAX;
        return true;
}

uint64_t restore_limit_next(const RestoreLimit *limit) {
        return limit->at_usec[limit->oldest] + RESTORATIONS_USEC;
}
