/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenQueues: further queues for whoever made the tap, or for the owner of a persistent one, who may sit
 * in a sandbox where he cannot open it by name. How many were given stands in the tag, so that one too
 * many shows, also after a restart.
 */
#include <errno.h>
#include <string.h>

#include "kernel/tap.h"
#include "model/manager-private.h"
#include "util/cleanup.h"

/* How many past those that were given before. */
static unsigned queues_to_give(const Endpoint *endpoint, unsigned count) {
        unsigned sum = link_tun_queues(&endpoint->now.tun) + count;

        return sum > endpoint->tag.queues ? sum - endpoint->tag.queues : 0;
}

static int check_queues(Manager *manager, const Endpoint *endpoint, const Limits *limits,
                unsigned count, Failure *failure) {
        unsigned now = link_tun_queues(&endpoint->now.tun);

        if (!endpoint->now.tun.multiqueue && now + count > 1)
                return failure_set(failure, FAILURE_NOT_MULTIQUEUE, EBUSY,
                                "%s has one queue%s. A tap created with multiqueue can have "
                                "several.",
                                endpoint->now.name, now > 0 ? ", and it is open" : "");
        if (now + count > manager->facts.max_queues)
                return failure_set(failure, FAILURE_QUEUE_LIMIT, E2BIG,
                                "%s has %u queues; %u more would be past the %u that this kernel "
                                "gives to a device.",
                                endpoint->now.name, now, count, manager->facts.max_queues);
        /* All that were given are charged already. */
        return quota_check(manager->quota, endpoint->tag.uid, limits, 0,
                        queues_to_give(endpoint, count), failure);
}

/* Before they are opened: the kernel's count must never be past the tag's. */
static int give(Manager *manager, Endpoint *endpoint, unsigned queues, Failure *failure) {
        Tag tag = endpoint->tag;
        char text[TAG_SIZE];
        int r;

        if (queues == 0)
                return 0;
        tag.queues += queues;
        r = link_set_alias(
                        manager->netlink, endpoint->now.ifindex, tag_format(&tag, text), failure);
        if (r >= 0)
                endpoint->tag.queues = tag.queues;
        return r;
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

/* By its name, which must still be that of the ifindex afterwards. */
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

        if (endpoint->releasing)
                return stale("is being deleted", failure);
        r = check_queues(manager, endpoint, limits, count, failure);
        if (r < 0)
                return r;
        r = give(manager, endpoint, queues_to_give(endpoint, count), failure);
        if (r >= 0)
                r = open_by_name(manager, endpoint, count, &queues, failure);
        if (r < 0) {
                closer_close(manager->closer, &queues);
                return r;
        }
        link_monitor_catch_up(manager->monitor); /* and so the charge */
        *ret_queues = queues;
        return 0;
}
