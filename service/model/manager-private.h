/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a Manager, shared by the files that make it up: manager.c (life, looking,
 * releasing), manager-create.c (taps), manager-queues.c (further queues), manager-follow.c (in step with
 * the kernel), manager-guard.c (against what holders do). */

#include "model/linger.h"
#include "model/link-monitor.h"
#include "model/manager.h"
#include "model/registry.h"
#include "util/closer.h"

struct Manager {
        Netlink *netlink;
        Closer *closer;
        sd_event_source *closer_source;
        Linger *linger;
        LinkMonitor *monitor;
        OffloadWatch *offload_watch;
        Quota *quota;
        Registry registry;
        List changed;           /* Endpoint.changed */
        List condemned;         /* Endpoint.condemned */
        sd_event_source *again; /* when their deletion is tried again */
        ManagerFacts facts;
        bool started; /* what is there from before is known: what comes now is news */
        const ManagerObserver *observer;
        void *userdata;
};

/* Whether the guest's MAC, and the host side's that goes with it, are free on the bridge. MacInUse
 * (-EADDRINUSE). -EAGAIN: only an endpoint under deletion has it: *ret_wait_for (which may be NULL,
 * then it is in use). */
int manager_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                Endpoint **ret_wait_for, Failure *failure);

/* Has the endpoint deleted, if that is not under way. -ENOMEM */
int manager_delete(Manager *manager, Endpoint *endpoint, EndpointEnd end);

/* The timer for manager_delete() to try again. -errno of sd_event_add_time(3). */
int manager_guard_begin(Manager *manager, sd_event *event);

/* Before the record takes over what the kernel says of the link: what its holder should not have done
 * is put right, in *link too, or the endpoint is deleted. */
void manager_guard(Manager *manager, Endpoint *endpoint, LinkInfo *link);

/* There was an event: too many are tampering. */
void manager_count_event(Manager *manager, Endpoint *endpoint);

/* The guest's MAC is tied to its port, or is again. */
void manager_guard_filter(Manager *manager, const Endpoint *endpoint);

/* For the link monitor. */
extern const LinkFollower manager_link_follower;
