/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "common/cleanup.h"

#define THREADS_LIMIT 16

struct Workers {
        pthread_mutex_t lock;
        pthread_cond_t wake; /* a job was queued, or stop was set */
        List queued;         /* WorkersJob.link, to be run */
        List finished;       /* WorkersJob.link, to be given to done() */
        unsigned idle;       /* waiting threads that no queued job has claimed yet */
        unsigned claims;     /* claims for which no thread has woken up yet */
        unsigned n_threads, max_threads;
        bool stop;
        int event; /* readable while finished is not empty */
        pthread_t threads[THREADS_LIMIT];
};

typedef struct CloseJob {
        WorkersJob job;
        FdSet fds;
} CloseJob;

int workers_new(Workers **ret, unsigned max_threads) {
        _cleanup_free_ Workers *workers = calloc(1, sizeof(Workers));

        if (!workers)
                return -ENOMEM;
        workers->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (workers->event < 0)
                return -errno;

        pthread_mutex_init(&workers->lock, NULL);
        pthread_cond_init(&workers->wake, NULL);
        list_init(&workers->queued);
        list_init(&workers->finished);
        workers->max_threads = max_threads < THREADS_LIMIT ? max_threads : THREADS_LIMIT;
        *ret = TAKE_PTR(workers);
        return 0;
}

static WorkersJob *take_first(List *list) {
        WorkersJob *job = container_of(list->next, WorkersJob, link);

        list_unlink(&job->link);
        return job;
}

/* With the lock held. */
static void hand_back(Workers *workers, WorkersJob *job) {
        list_append(&workers->finished, &job->link);
        (void)eventfd_write(workers->event, 1);
}

static void *workers_thread(void *userdata) {
        Workers *workers = userdata;

        pthread_mutex_lock(&workers->lock);
        for (;;) {
                if (!list_is_empty(&workers->queued)) {
                        WorkersJob *job = take_first(&workers->queued);
                        bool wants_done = job->done;

                        pthread_mutex_unlock(&workers->lock);
                        job->run(job);
                        pthread_mutex_lock(&workers->lock);
                        if (wants_done)
                                hand_back(workers, job);
                } else if (workers->stop) {
                        break;
                } else {
                        /* A thread that wakes up unclaimed, as POSIX permits, goes on waiting;
                         * otherwise it would be counted twice. */
                        workers->idle++;
                        while (workers->claims == 0 && !workers->stop)
                                pthread_cond_wait(&workers->wake, &workers->lock);
                        if (workers->claims > 0)
                                workers->claims--;
                }
        }
        pthread_mutex_unlock(&workers->lock);
        return NULL;
}

/* Call with the lock held. The thread blocks all signals: they are for the loop. */
static void start_thread(Workers *workers) {
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&workers->threads[workers->n_threads], NULL, workers_thread, workers) ==
                        0)
                workers->n_threads++;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void workers_submit(Workers *workers, WorkersJob *job) {
        pthread_mutex_lock(&workers->lock);
        if (workers->idle == 0 && workers->n_threads < workers->max_threads)
                start_thread(workers);
        if (workers->n_threads == 0) {
                bool wants_done = job->done;

                job->run(job);
                if (wants_done)
                        hand_back(workers, job);
        } else {
                list_append(&workers->queued, &job->link);
                /* Each job claims its own waiting thread, or two jobs could count on the same one.
                 */
                if (workers->idle > 0) {
                        workers->idle--;
                        workers->claims++;
                        pthread_cond_signal(&workers->wake);
                }
        }
        pthread_mutex_unlock(&workers->lock);
}

static void close_job_run(WorkersJob *job) {
        CloseJob *close_job = container_of(job, CloseJob, job);

        fdset_done(&close_job->fds);
        free(close_job);
}

void workers_close(Workers *workers, FdSet *fds) {
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
        workers_submit(workers, &close_job->job);
}

int workers_fd(const Workers *workers) {
        return workers->event;
}

void workers_finish(Workers *workers) {
        eventfd_t ignored;

        (void)eventfd_read(workers->event, &ignored);
        for (;;) {
                WorkersJob *job = NULL;

                pthread_mutex_lock(&workers->lock);
                if (!list_is_empty(&workers->finished))
                        job = take_first(&workers->finished);
                pthread_mutex_unlock(&workers->lock);
                if (!job)
                        return;
                job->done(job);
        }
}

Workers *workers_free(Workers *workers) {
        if (!workers)
                return NULL;

        pthread_mutex_lock(&workers->lock);
        workers->stop = true;
        pthread_cond_broadcast(&workers->wake);
        pthread_mutex_unlock(&workers->lock);
        for (unsigned i = 0; i < workers->n_threads; i++)
                pthread_join(workers->threads[i], NULL);

        workers_finish(workers);
        close_fd(workers->event);
        pthread_cond_destroy(&workers->wake);
        pthread_mutex_destroy(&workers->lock);
        free(workers);
        return NULL;
}
