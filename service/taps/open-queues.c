/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenQueues: further queues for a tap's owner, whose sandbox may keep them from opening it by
 * name. The tag says how many were given, so that one too many is noticed, also after a restart.
 */
#include "taps/open-queues.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/tap.h"
#include "taps/manager-private.h"

/* How many are more than were given before. */
static unsigned queues_to_give(const Endpoint *endpoint, unsigned count) {
        unsigned sum = link_tun_queues(&endpoint->now.tun) + count;

        return sum > endpoint->tag.queues ? sum - endpoint->tag.queues : 0;
}

static int check_queues(Manager *manager, const Endpoint *endpoint, const Limits *limits,
                unsigned count, Failure *failure) {
        unsigned now = link_tun_queues(&endpoint->now.tun);

        if (!endpoint->now.tun.multiqueue && now + count > 1)
                return failure_set(failure, FAILURE_NOT_MULTIQUEUE, EBUSY,
                                "%s has one queue%s. A tap created with multiqueue can have several.",
                                endpoint->now.name, now > 0 ? ", and it is open" : "");
        if (now + count > manager->capabilities.max_queues)
                return failure_set(failure, FAILURE_QUEUE_LIMIT, E2BIG,
                                "%s has %u queues; %u more would be past the %u that this kernel gives to a device.",
                                endpoint->now.name, now, count, manager->capabilities.max_queues);
        /* Those that were given before are charged already. */
        return quota_check(manager->quota, endpoint->tag.uid, limits, 0,
                        queues_to_give(endpoint, count), failure);
}

static int write_count(Manager *manager, Endpoint *endpoint, unsigned queues, Failure *failure) {
        Tag tag = endpoint->tag;
        char text[TAG_SIZE];
        int r;

        tag.queues = queues;
        r = link_set_alias(
                        manager->netlink, endpoint->now.ifindex, tag_format(&tag, text), failure);
        if (r >= 0)
                endpoint->tag.queues = queues;
        return r;
}

/* Before they are opened: the kernel's count must never exceed the tag's. */
static int give(Manager *manager, Endpoint *endpoint, unsigned queues, Failure *failure) {
        int r = queues > 0 ? write_count(manager, endpoint, endpoint->tag.queues + queues, failure)
                           : 0;

        endpoint->just_given = r >= 0 ? queues : 0;
        return r;
}

/* Queues that were given but could not be opened or passed on. They are closed first, off the loop,
 * because the tag's count may be lowered only then. */
typedef struct Withdrawal {
        WorkersJob job;
        Manager *manager;
        uint32_t nonce;
        unsigned given;
        FdSet queues;
} Withdrawal;

/* Other queues may have been opened meanwhile, by a later call or by name. Events that still count
 * the closed ones are read first: with the lower count they would look like tampering. */
static void withdraw(Manager *manager, uint32_t nonce, unsigned given) {
        Failure failure = FAILURE_INIT;
        unsigned count, open;
        Endpoint *endpoint;
        LinkInfo now;

        link_monitor_catch_up(manager->monitor);
        endpoint = registry_by_nonce(&manager->registry, nonce);
        if (!endpoint || endpoint->state != ENDPOINT_LIVE ||
                        link_get(manager->netlink, endpoint->now.ifindex, &now, NULL) < 0)
                return;
        open = link_tun_queues(&now.tun);
        count = endpoint->tag.queues - given;
        if (write_count(manager, endpoint, count > open ? count : open, &failure) < 0)
                log_warning("%s counts %u queues more than were opened: %s", endpoint->now.name,
                                given, failure.text);
}

/* In a thread. */
static void run_withdrawal(WorkersJob *job) {
        fdset_done(&container_of(job, Withdrawal, job)->queues);
}

static void finish_withdrawal(WorkersJob *job) {
        _cleanup_free_ Withdrawal *withdrawal = container_of(job, Withdrawal, job);

        withdraw(withdrawal->manager, withdrawal->nonce, withdrawal->given);
}

void manager_withdraw_queues(Manager *manager, Endpoint *endpoint, FdSet *queues) {
        const uint32_t nonce = endpoint->tag.nonce;
        const unsigned given = endpoint->just_given;
        Withdrawal *withdrawal = given > 0 && queues->n > 0 ? malloc(sizeof(Withdrawal)) : NULL;

        endpoint->just_given = 0;
        if (withdrawal) {
                *withdrawal = (Withdrawal){
                        .job = { .run = run_withdrawal, .done = finish_withdrawal },
                        .manager = manager,
                        .nonce = nonce,
                        .given = given,
                        .queues = fdset_take(queues),
                };
                workers_submit(manager->workers, &withdrawal->job);
                return;
        }
        if (given == 0) {
                workers_close(manager->workers, queues);
                return;
        }
        fdset_done(queues); /* none are open, or there is no memory to close them elsewhere */
        withdraw(manager, nonce, given);
}

/* Queues that reached nobody, while our own copies are still open. */
typedef struct LostQueues {
        RemovalWaiter waiter;
        Manager *manager;
        uint32_t nonce;
        unsigned given;
} LostQueues;

static void on_lost_queues_closed(RemovalWaiter *waiter, int error) {
        _cleanup_free_ LostQueues *lost = container_of(waiter, LostQueues, waiter);

        if (error != -ECANCELED)
                withdraw(lost->manager, lost->nonce, lost->given);
}

void manager_queues_lost(Manager *manager, uint32_t nonce, unsigned given) {
        const Endpoint *endpoint = registry_by_nonce(&manager->registry, nonce);
        List *waiters = endpoint && given > 0
                        ? delayed_close_waiters(manager->delayed_close, endpoint->tag.uid, &nonce)
                        : NULL;
        LostQueues *lost = waiters ? calloc(1, sizeof(LostQueues)) : NULL;

        if (!lost) {
                if (given > 0)
                        withdraw(manager, nonce, given);
                return;
        }
        *lost = (LostQueues){
                .waiter = { .removed = on_lost_queues_closed },
                .manager = manager,
                .nonce = nonce,
                .given = given,
        };
        list_append(waiters, &lost->waiter.link);
}

static int open_queues(const TapDevice *device, unsigned count, FdSet *queues, Failure *failure) {
        while (queues->n < count) {
                int fd, r;

                r = tap_open_queue(device, &fd, failure);
                if (r < 0)
                        return r;
                r = fdset_add(queues, fd);
                if (r < 0) {
                        close_fd(fd);
                        return r;
                }
        }
        return 0;
}

static int stale(const char *what, Failure *failure) {
        return failure_set(
                        failure, FAILURE_STALE, ESTALE, "The tap %s meanwhile. Ask again.", what);
}

/* Opens by name, which must still belong to the ifindex afterwards. */
static int open_by_name(Manager *manager, const Endpoint *endpoint, unsigned count, FdSet *queues,
                Failure *failure) {
        bool idle = link_tun_queues(&endpoint->now.tun) == 0;
        TapDevice device = {
                .vnet_hdr = idle ? endpoint->tag.vnet_hdr_size > 0 : endpoint->now.tun.vnet_hdr,
                .multiqueue = endpoint->now.tun.multiqueue,
                .persistent = endpoint->now.tun.persistent,
        };
        char name[IFNAMSIZ];
        int r;

        if (*link_name(manager->netlink, endpoint->now.ifindex, device.name) == '\0')
                return stale("was deleted", failure);
        r = open_queues(&device, count, queues, failure);
        if (r == -EBUSY)
                return failure_set(failure, FAILURE_NOT_MULTIQUEUE, EBUSY,
                                "The queue of %s is open: somebody opened it by name.",
                                device.name);
        if (r >= 0 &&
                        strcmp(link_name(manager->netlink, endpoint->now.ifindex, name),
                                        device.name) != 0)
                return stale("was renamed or deleted", failure);
        if (r >= 0 && idle)
                r = tap_reset(queues->fds[0], endpoint->tag.vnet_hdr_size, failure);
        return r;
}

int manager_open_queues(Manager *manager, Endpoint *endpoint, const Limits *limits, unsigned count,
                FdSet *ret_queues, Failure *failure) {
        FdSet queues = FDSET_INIT;
        int r;

        if (endpoint->state == ENDPOINT_DELETING)
                return stale("is being deleted", failure);
        r = check_queues(manager, endpoint, limits, count, failure);
        if (r < 0)
                return r;
        r = give(manager, endpoint, queues_to_give(endpoint, count), failure);
        if (r >= 0)
                r = open_by_name(manager, endpoint, count, &queues, failure);
        if (r < 0) {
                manager_withdraw_queues(manager, endpoint, &queues);
                return r;
        }
        link_monitor_catch_up(manager->monitor); /* this also updates the charge */
        *ret_queues = queues;
        return 0;
}
