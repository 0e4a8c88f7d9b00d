/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A worker pool for slow jobs, most of which delete something. The last close of a tap sleeps ~15
 * ms (an RCU barrier), and so does the sendmsg() of an RTM_DELLINK; if the loop did either itself,
 * a client could stall it at will by connecting and disconnecting. The threads share nothing with
 * the loop but the two queues in here.
 */

#include "common/fdset.h"
#include "common/list.h"

typedef struct Workers Workers;
typedef struct WorkersJob WorkersJob;

/* A slow job. run() is called once, in a thread; then, in the loop, workers_finish() calls done(),
 * which owns the job again. If done is NULL, run() frees the job. */
struct WorkersJob {
        List link;
        void (*run)(WorkersJob *job);
        void (*done)(WorkersJob *job);
};

/* No thread runs yet; they start with the first jobs, up to max_threads. -ENOMEM, -EMFILE, … */
int workers_new(Workers **ret, unsigned max_threads);

/* Waits for running jobs. Jobs that were submitted but not finished are run, and their done()
 * called, here. Takes NULL. Returns NULL. */
Workers *workers_free(Workers *workers);

/* Takes over the fds and closes them soon. Cannot fail: if memory runs out, they are closed at
 * once. */
void workers_close(Workers *workers, FdSet *fds);

/* Queues a job. Cannot fail: if there is no thread to run it, it is run at once. */
void workers_submit(Workers *workers, WorkersJob *job);

/* An fd that polls readable when workers_finish() has work to do; it belongs to the workers. */
int workers_fd(const Workers *workers);

/* Calls done() for each job that has been run since the last call. */
void workers_finish(Workers *workers);
