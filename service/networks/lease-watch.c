/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/lease-watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "networks/leases.h"
#include "networks/network-service.h"
#include "networks/networks-list.h"

/* Where the directory of all networks' services appears. */
#define ABOVE "/run"

#define BATCH_BYTES (16 * 1024)

/* Batches in one go; there are no more unless somebody writes faster than this reads. */
#define BATCHES_AT_ONCE 64

/* How often a file that has fewer leases than before is read. */
#define READINGS            5
#define READINGS_APART_MSEC 10

struct LeaseWatch {
        Networks *networks;
        Workers *workers;
        void (*changed)(uint64_t processor_usec, void *userdata);
        void *userdata;
        int fd;
        int directory; /* the watch of the directory of all; below 0: there is none */
        bool failed;   /* to watch it, and that was logged */
        unsigned n_reading;
};

DEFINE_CLEANUP(LeaseWatch, lease_watch_free)

typedef struct Reading {
        WorkersJob job;
        LeaseWatch *watch;
        int bridge;
        char network[IFNAMSIZ];
        size_t n_known; /* how many leases were read last */
        Leases leases;
        int result;
        uint64_t processor_usec;
} Reading;

int lease_watch_new(LeaseWatch **ret, Networks *networks, Workers *workers,
                void (*changed)(uint64_t processor_usec, void *userdata), void *userdata) {
        _cleanup_(lease_watch_freep) LeaseWatch *watch = calloc(1, sizeof(LeaseWatch));

        if (!watch)
                return -ENOMEM;
        *watch = (LeaseWatch){
                .networks = networks,
                .workers = workers,
                .changed = changed,
                .userdata = userdata,
                .directory = -1,
        };
        watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (watch->fd < 0)
                log_warning("Leases of networks are not known: the kernel gives no inotify: %s",
                                strerror(errno));
        *ret = TAKE_PTR(watch);
        return 0;
}

LeaseWatch *lease_watch_free(LeaseWatch *watch) {
        if (!watch)
                return NULL;
        close_fd(watch->fd);
        free(watch);
        return NULL;
}

int lease_watch_fd(const LeaseWatch *watch) {
        return watch->fd;
}

/* In a thread. A service empties its file and writes it anew, and a guest can have it do nothing
 * else: so leases have ended only if the file lacks them each time that it is read. */
static void read_leases(WorkersJob *job) {
        Reading *reading = container_of(job, Reading, job);
        const uint64_t began = clock_thread_usec();

        reading->result = leases_read(reading->network, &reading->leases);
        for (unsigned i = 1; i < READINGS && reading->result >= 0 &&
                        reading->leases.n < reading->n_known;
                        i++) {
                Leases again = LEASES_INIT;

                (void)poll(NULL, 0, READINGS_APART_MSEC);
                reading->result = leases_read(reading->network, &again);
                if (reading->result >= 0 && again.n >= reading->leases.n) {
                        const Leases shorter = reading->leases;

                        reading->leases = again;
                        again = shorter;
                }
                leases_done(&again);
        }
        reading->processor_usec = clock_thread_usec() - began;
}

static void was_read(WorkersJob *job) {
        Reading *reading = container_of(job, Reading, job);
        LeaseWatch *watch = reading->watch;
        Network *network = networks_at(watch->networks, reading->bridge);

        if (reading->result < 0)
                log_warning("Cannot read the leases of the network %s: %s", reading->network,
                                strerror(-reading->result));
        if (network) {
                network->leases_are_read = false;
                network->given_is_new = true;
                leases_done(&network->given);
                network->given = reading->leases;
        } else
                leases_done(&reading->leases);
        watch->n_reading--;
        watch->changed(reading->processor_usec, watch->userdata);
        free(reading);
}

static void have_read(LeaseWatch *watch, Network *network) {
        Reading *reading = calloc(1, sizeof(Reading));

        if (!reading)
                return;
        reading->job = (WorkersJob){ .run = read_leases, .done = was_read };
        reading->watch = watch;
        reading->bridge = network->ifindex;
        reading->n_known = network->given.n;
        snprintf(reading->network, sizeof(reading->network), "%s", network->tag.plan.name);
        network->leases_have_changed = false;
        network->leases_are_read = true;
        watch->n_reading++;
        workers_submit(watch->workers, &reading->job);
}

static void take(LeaseWatch *watch, const struct inotify_event *event) {
        Network *network = NULL;

        if (event->wd == watch->directory && event->mask & IN_IGNORED)
                watch->directory = -1;
        while ((network = networks_next(watch->networks, network))) {
                if (event->wd != network->lease_watch && !(event->mask & IN_Q_OVERFLOW))
                        continue;
                network->leases_have_changed = true;
                if (event->mask & IN_IGNORED)
                        network->lease_watch = 0;
        }
}

static void take_events(LeaseWatch *watch) {
        _Alignas(struct inotify_event) char batch[BATCH_BYTES];

        for (unsigned i = 0; i < BATCHES_AT_ONCE; i++) {
                ssize_t n = read(watch->fd, batch, sizeof(batch));

                if (n <= 0)
                        return;
                for (char *at = batch; at < batch + n;) {
                        const struct inotify_event *event = (const void *)at;

                        take(watch, event);
                        at += sizeof(*event) + event->len;
                }
        }
}

/* The directory is made with the first network's service, and those in it come and go with
 * networks' services. */
static void watch_directory(LeaseWatch *watch) {
        const unsigned appears = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;

        if (watch->directory >= 0)
                return;
        (void)inotify_add_watch(watch->fd, ABOVE, appears | IN_ONESHOT);
        watch->directory = inotify_add_watch(watch->fd, NETWORK_LEASES_DIRECTORY, appears);
        if (watch->directory < 0 && errno != ENOENT && !watch->failed) {
                watch->failed = true;
                log_warning("Leases of networks are not known: cannot watch " NETWORK_LEASES_DIRECTORY
                            ": %s",
                                strerror(errno));
        }
}

static void watch_network(LeaseWatch *watch, Network *network) {
        char path[sizeof(NETWORK_LEASES_DIRECTORY) + 1 + IFNAMSIZ];
        int r;

        snprintf(path, sizeof(path), NETWORK_LEASES_DIRECTORY "/%s", network->tag.plan.name);
        r = inotify_add_watch(watch->fd, path,
                        IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                                        IN_ONLYDIR);
        if (r < 0)
                return;
        network->lease_watch = r;
        network->leases_have_changed = true;
}

void lease_watch_look(LeaseWatch *watch) {
        Network *network = NULL;

        if (watch->fd < 0)
                return;
        take_events(watch);
        watch_directory(watch);
        while ((network = networks_next(watch->networks, network))) {
                if (network->lease_watch == 0)
                        watch_network(watch, network);
                if (network->leases_have_changed && !network->leases_are_read)
                        have_read(watch, network);
        }
}

bool lease_watch_is_reading(const LeaseWatch *watch) {
        return watch->n_reading > 0;
}
