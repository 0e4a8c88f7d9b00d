/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bringing what is there together with what was made. Others on the host can change what vnicd has
 * set: a firewall is restarted, a port leaves its bridge and comes back. Each thing of ours that
 * this can happen to (an endpoint, a network, the filters of all taps) is a Reconcilable. The
 * kernel's events mark it; marks are coalesced; then its one function compares what it was made as
 * with what is, and does what docs/reconcile.md says: protection is restored, placement is
 * followed, of everything else people are warned.
 *
 * Nothing here polls: a timer runs only while something is marked.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/list.h"

typedef struct Reconciler Reconciler;
typedef struct Reconcilable Reconcilable;

/* Embedded in the thing. Before the first mark reconcile() and interval_usec are set, the rest is
 * zero. */
struct Reconcilable {
        List link; /* of those that are marked */
        uint64_t due_usec;
        uint64_t done_usec; /* when reconcile() was last called; 0: never */
        /* However many events come, it is compared once in this time; 0: once for each batch of
         * events. */
        uint64_t interval_usec;
        void (*reconcile)(Reconcilable *thing);
};

/* -ENOMEM, -errno of sd_event_add_time(3). */
int reconciler_new(Reconciler **ret, sd_event *event);

/* What is marked is forgotten. Takes NULL. Returns NULL. */
Reconciler *reconciler_free(Reconciler *reconciler);

/* Something about it may differ: reconcile() is called from the loop, at once or when its interval
 * is over. It may mark itself and others, and may free itself. */
void reconciler_mark(Reconciler *reconciler, Reconcilable *thing);

/* Not before that time (CLOCK_MONOTONIC), unless it is marked again for an earlier one. */
void reconciler_mark_at(Reconciler *reconciler, Reconcilable *thing, uint64_t usec);

/* Before it is freed. */
void reconciler_forget(Reconcilable *thing);

/* Calls all that are due, now rather than when the loop comes to it. */
void reconciler_run(Reconciler *reconciler);

/* A fact that others undo again and again is restored so often in that time, and then left: they
 * mean it, and are not to be fought forever. */
#define RESTORATIONS_MAX  5
#define RESTORATIONS_USEC (UINT64_C(60) * 1000 * 1000)

/* Of one fact. Starts as { 0 }. */
typedef struct RestoreLimit {
        uint64_t at_usec[RESTORATIONS_MAX]; /* the last ones; 0: none */
        unsigned oldest;
} RestoreLimit;

/* Counts one more restoration. false: too many, it is left as it is and warned of. */
bool restore_limit_take(RestoreLimit *limit, uint64_t now_usec);

/* When the next one is permitted: for reconciler_mark_at() after a refusal. */
uint64_t restore_limit_next(const RestoreLimit *limit);
