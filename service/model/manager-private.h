/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a Manager, shared by the files that make it up: manager.c (life, looking,
 * releasing), manager-create.c (taps and queues), manager-follow.c (in step with the kernel). */

#include "model/link-monitor.h"
#include "model/manager.h"
#include "model/registry.h"
#include "util/closer.h"

struct Manager {
        Netlink *netlink;
        Closer *closer;
        sd_event_source *closer_source;
        LinkMonitor *monitor;
        OffloadWatch *offload_watch;
        Quota *quota;
        Registry registry;
        List changed; /* Endpoint.changed */
        ManagerFacts facts;
        const ManagerObserver *observer;
        void *userdata;
};

/* Whether the guest's MAC, and the host side's that goes with it, are free on the bridge. MacInUse
 * (-EADDRINUSE). -EAGAIN: only an endpoint under deletion has it: *ret_wait_for (which may be NULL,
 * then it is in use). */
int manager_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                Endpoint **ret_wait_for, Failure *failure);

/* For the link monitor. */
extern const LinkFollower manager_link_follower;
