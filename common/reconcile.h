/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reconciles the actual state with what vnicd has set. Others on the host can change that: a
 * firewall is restarted, a port leaves its bridge and comes back. Each object of ours that this can
 * happen to (an endpoint, a network, the filters of all taps) is a Reconcilable. The kernel's
 * events mark it; marks are coalesced; then its one function compares the intended with the actual
 * state, and does what docs/reconcile.md says: protection is restored, placement is followed, and
 * anything else causes a warning.
 *
 * Nothing here polls: a timer runs only while something is marked.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/list.h"

typedef struct Reconciler Reconciler;
typedef struct Reconcilable Reconcilable;

/* Embedded in the object. Before the first mark, set reconcile() and interval_usec; the rest is
 * zero. */
struct Reconcilable {
        List link; /* in the list of marked ones */
        uint64_t due_usec;
        uint64_t done_usec; /* when reconcile() was last called; 0: never */
        /* However many events come, it is reconciled at most once in this time; 0: once for each
         * batch of events. */
        uint64_t interval_usec;
        void (*reconcile)(Reconcilable *thing);
};

/* -ENOMEM, -errno of sd_event_add_time(3). */
int reconciler_new(Reconciler **ret, sd_event *event);

/* Forgets what is marked. Takes NULL. Returns NULL. */
Reconciler *reconciler_free(Reconciler *reconciler);

/* Something may have changed: reconcile() is called from the loop, at once or when its interval is
 * over. It may mark itself and others, and may free itself. */
void reconciler_mark(Reconciler *reconciler, Reconcilable *thing);

/* The same, but not before that time (CLOCK_MONOTONIC), unless it is marked again for an earlier
 * one. */
void reconciler_mark_at(Reconciler *reconciler, Reconcilable *thing, uint64_t usec);

/* Call before the object is freed. */
void reconciler_forget(Reconcilable *thing);

/* Reconciles all that are due now, instead of waiting for the loop. */
void reconciler_run(Reconciler *reconciler);

/* A setting that others undo again and again is restored this often in that time, and then left
 * alone: they mean it, and vnicd does not fight them forever. */
#define RESTORATIONS_MAX  5
#define RESTORATIONS_USEC (UINT64_C(60) * 1000 * 1000)

/* For one setting. Starts as { 0 }. */
typedef struct RestoreLimit {
        uint64_t at_usec[RESTORATIONS_MAX]; /* the last ones; 0: none */
        unsigned oldest;
} RestoreLimit;

/* Counts one more restoration. false: there were too many; leave the setting alone and warn. */
bool restore_limit_take(RestoreLimit *limit, uint64_t now_usec);

/* When the next restoration is permitted: for reconciler_mark_at() after a refusal. */
uint64_t restore_limit_next(const RestoreLimit *limit);
