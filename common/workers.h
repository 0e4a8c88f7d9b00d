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

typedef struct Closer Closer;
typedef struct CloserJob CloserJob;

/* Something slow. run() is called once, in a thread; then, in the loop, closer_finish() calls
 * done(), which owns the job again. Without done (NULL) the job is run()'s to free. */
struct CloserJob {
        List link;
        void (*run)(CloserJob *job);
        void (*done)(CloserJob *job);
};

/* Starts with no thread; they come with the first jobs, up to max_threads. -ENOMEM, -EMFILE, … */
int closer_new(Closer **ret, unsigned max_threads);

/* Waits for the jobs under way. Jobs that were submitted but whose done() was not called yet are
 * run and given to done() here. Takes NULL. Returns NULL. */
Closer *closer_free(Closer *closer);

/* Takes the fds over and closes them soon. Cannot fail: without memory they are closed at once. */
void closer_close(Closer *closer, FdSet *fds);

/* Queues a job. Cannot fail: without a thread to run it, it is run at once. */
void closer_submit(Closer *closer, CloserJob *job);

/* An fd that polls readable when closer_finish() has work to do; it belongs to the closer. */
int closer_fd(const Closer *closer);

/* Calls done() of each job that has been run since. */
void closer_finish(Closer *closer);
