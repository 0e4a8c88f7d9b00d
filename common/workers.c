/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "common/cleanup.h"

#define THREADS_LIMIT 16

struct Closer {
        pthread_mutex_t lock;
        pthread_cond_t wake; /* a job was queued, or stop was set */
        List queued;         /* CloserJob.link, to be run */
        List finished;       /* CloserJob.link, to be given to done() */
        unsigned idle;       /* threads waiting that no queued job has claimed yet */
        unsigned claims;     /* of which no thread has woken up yet */
        unsigned n_threads, max_threads;
        bool stop;
        int event; /* readable while finished is not empty */
        pthread_t threads[THREADS_LIMIT];
};

typedef struct CloseJob {
        CloserJob job;
        FdSet fds;
} CloseJob;

int closer_new(Closer **ret, unsigned max_threads) {
        _cleanup_free_ Closer *closer = calloc(1, sizeof(Closer));

        if (!closer)
                return -ENOMEM;
        closer->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (closer->event < 0)
                return -errno;

        pthread_mutex_init(&closer->lock, NULL);
        pthread_cond_init(&closer->wake, NULL);
        list_init(&closer->queued);
        list_init(&closer->finished);
        closer->max_threads = max_threads < THREADS_LIMIT ? max_threads : THREADS_LIMIT;
        *ret = TAKE_PTR(closer);
        return 0;
}

static CloserJob *take_first(List *list) {
        CloserJob *job = container_of(list->next, CloserJob, link);

        list_unlink(&job->link);
        return job;
}

/* With the lock held. */
static void hand_back(Closer *closer, CloserJob *job) {
        list_append(&closer->finished, &job->link);
        (void)eventfd_write(closer->event, 1);
}

static void *closer_thread(void *userdata) {
        Closer *closer = userdata;

        pthread_mutex_lock(&closer->lock);
        for (;;) {
                if (!list_is_empty(&closer->queued)) {
                        CloserJob *job = take_first(&closer->queued);
                        bool wants_done = job->done;

                        pthread_mutex_unlock(&closer->lock);
                        job->run(job);
                        pthread_mutex_lock(&closer->lock);
                        if (wants_done)
                                hand_back(closer, job);
                } else if (closer->stop) {
                        break;
                } else {
                        /* A thread that wakes up unclaimed, as POSIX permits, waits on: it would be
                         * counted twice. */
                        closer->idle++;
                        while (closer->claims == 0 && !closer->stop)
                                pthread_cond_wait(&closer->wake, &closer->lock);
                        if (closer->claims > 0)
                                closer->claims--;
                }
        }
        pthread_mutex_unlock(&closer->lock);
        return NULL;
}

/* With the lock held. The thread takes no signals: they are the loop's. */
static void start_thread(Closer *closer) {
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&closer->threads[closer->n_threads], NULL, closer_thread, closer) == 0)
                closer->n_threads++;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void closer_submit(Closer *closer, CloserJob *job) {
        pthread_mutex_lock(&closer->lock);
        if (closer->idle == 0 && closer->n_threads < closer->max_threads)
                start_thread(closer);
        if (closer->n_threads == 0) {
                bool wants_done = job->done;

                job->run(job);
                if (wants_done)
                        hand_back(closer, job);
        } else {
                list_append(&closer->queued, &job->link);
                /* Each waiting thread is claimed by one job, or it would be counted twice. */
                if (closer->idle > 0) {
                        closer->idle--;
                        closer->claims++;
                        pthread_cond_signal(&closer->wake);
                }
        }
        pthread_mutex_unlock(&closer->lock);
}

static void close_job_run(CloserJob *job) {
        CloseJob *close_job = container_of(job, CloseJob, job);

        fdset_done(&close_job->fds);
        free(close_job);
}

void closer_close(Closer *closer, FdSet *fds) {
        CloseJob *close_job;

        if (fds->n == 0)
                return;
        close_job = calloc(1, sizeof(CloseJob));
        if (!close_job) {
                fdset_done(fds);
                return;
        }
        close_job->job.run = close_job_run;
        close_job->fds = fdset_take(fds);
        closer_submit(closer, &close_job->job);
}

int closer_fd(const Closer *closer) {
        return closer->event;
}

void closer_finish(Closer *closer) {
        eventfd_t ignored;

        (void)eventfd_read(closer->event, &ignored);
        for (;;) {
                CloserJob *job = NULL;

                pthread_mutex_lock(&closer->lock);
                if (!list_is_empty(&closer->finished))
                        job = take_first(&closer->finished);
                pthread_mutex_unlock(&closer->lock);
                if (!job)
                        return;
                job->done(job);
        }
}

Closer *closer_free(Closer *closer) {
        if (!closer)
                return NULL;

        pthread_mutex_lock(&closer->lock);
        closer->stop = true;
        pthread_cond_broadcast(&closer->wake);
        pthread_mutex_unlock(&closer->lock);
        for (unsigned i = 0; i < closer->n_threads; i++)
                pthread_join(closer->threads[i], NULL);

        closer_finish(closer);
        close_fd(closer->event);
        pthread_cond_destroy(&closer->wake);
        pthread_mutex_destroy(&closer->lock);
        free(closer);
        return NULL;
}
