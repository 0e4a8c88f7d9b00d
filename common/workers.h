/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What takes things away from the kernel, off the loop. The last close of a tap sleeps ~15 ms (an
 * RCU barrier), and so does the sendmsg() of an RTM_DELLINK; a loop that did either itself could be
 * stalled at will by a client that calls and disconnects. A few threads do nothing but such jobs;
 * they share nothing with the loop but the two queues in here.
 */

#include "common/fdset.h"
#include "common/list.h"

typedef struct Workers Workers;
typedef struct WorkersJob WorkersJob;

/* Something slow. run() is called once, in a thread; then, in the loop, workers_finish() calls
 * done(), which owns the job again. Without done (NULL) the job is run()'s to free. */
struct WorkersJob {
        List link;
        void (*run)(WorkersJob *job);
        void (*done)(WorkersJob *job);
};

/* Starts with no thread; they come with the first jobs, up to max_threads. -ENOMEM, -EMFILE, … */
int workers_new(Workers **ret, unsigned max_threads);

/* Waits for the jobs under way. Jobs that were submitted but whose done() was not called yet are
 * run and given to done() here. Takes NULL. Returns NULL. */
Workers *workers_free(Workers *workers);

/* Takes the fds over and closes them soon. Cannot fail: without memory they are closed at once. */
void workers_close(Workers *workers, FdSet *fds);

/* Queues a job. Cannot fail: without a thread to run it, it is run at once. */
void workers_submit(Workers *workers, WorkersJob *job);

/* An fd that polls readable when workers_finish() has work to do; it belongs to the workers. */
int workers_fd(const Workers *workers);

/* Calls done() of each job that has been run since. */
void workers_finish(Workers *workers);
