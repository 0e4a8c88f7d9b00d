/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Owns everything that exists: makes taps, finds and enumerates endpoints, has them deleted, and
 * forgets one only when the kernel has said that it is gone. Knows uids, not callers; allowed or
 * not has been decided above.
 */

#include <systemd/sd-event.h>

#include "common/fdset.h"
#include "common/workers.h"
#include "taps/host-capabilities.h"
#include "taps/manager-observer.h"
#include "taps/placement.h"
#include "taps/tap-filter.h"
#include "taps/tap-request.h"

/* Probes the host and adopts what carries our tag. A host without /dev/net/tun offers nothing, and
 * that is no error. -errno of sockets and of the loop. */
int manager_new(Manager **ret, sd_event *event, const ManagerObserver *observer, void *userdata);
Manager *manager_free(Manager *manager);

/* Asks the host again, on demand: a module may have been loaded since; and makes the filters of
 * taps anew. 1: something has changed; 0: nothing has; a negative errno: it could not be asked, and
 * what was known stands. */
int manager_probe(Manager *manager);

const HostCapabilities *manager_capabilities(const Manager *manager);

/* Makes the tap, on exactly that bridge; a network that is not up comes up for it. The queues are
 * the caller's; give them to manager_close_queues() when they have been passed on. After a failure
 * the kernel is as before within a second. Failures as of placement_check(), Stale, AddressInUse,
 * KernelError. */
int manager_create_tap(Manager *manager, const TapRequest *request, const Client *client,
                const Placement *place, FdSet *ret_queues, Endpoint **ret, Failure *failure);

/* Its networks, as long as it is there. */
Networks *manager_networks(Manager *manager);

/* Tells the world above of a tap just made: when whoever asked for it has been told, and before the
 * loop runs on. */
void manager_announce(Manager *manager, const Endpoint *endpoint);

/* count (1..FDSET_MAX) more queues. The endpoint may be gone afterwards. NotMultiqueue, QueueLimit,
 * QuotaExceeded, Stale, KernelError. */
int manager_open_queues(Manager *manager, Endpoint *endpoint, const Limits *limits, unsigned count,
                FdSet *ret_queues, Failure *failure);

/* Closes, off the loop, what manager_open_queues() gave last and could not be passed on. The tag
 * counts it no longer as soon as it is closed. */
void manager_withdraw_queues(Manager *manager, Endpoint *endpoint, FdSet *queues);

/* Nobody has received so many queues that were given just now (Endpoint.just_given): they do not
 * count once our copies are closed. */
void manager_queues_lost(Manager *manager, uint32_t nonce, unsigned given);

/* For a tap just made that nobody could be told of: has it deleted, also if it outlives its queues.
 */
void manager_take_back(Manager *manager, Endpoint *endpoint);

/* Closes our copies of the queues of that uid's tap of that nonce, a moment later and off the loop
 * (taps/delayed-close). */
void manager_close_queues(Manager *manager, uid_t uid, uint32_t nonce, FdSet *queues);

/* Runs something slow of the world above, off the loop; manager_free() waits for it. */
void manager_run(Manager *manager, WorkersJob *job);

/* Has the endpoint deleted; the watch is told when it is gone. May be called again meanwhile.
 * -ENOMEM */
int manager_release(Manager *manager, Endpoint *endpoint, RemovalWaiter *watch);

/* NULL: none. By interface: the name it has now, and exactly that. */
Endpoint *manager_find(Manager *manager, uint32_t nonce);
Endpoint *manager_find_interface(Manager *manager, const char *name);
Endpoint *manager_find_label(Manager *manager, uid_t uid, const char *label);

/* The name that its bridge has now, into buffer, which it returns; "" if it is on none. */
const char *manager_bridge_of(
                Manager *manager, const Endpoint *endpoint, char buffer[static IFNAMSIZ]);

/* The next living endpoint after this one, oldest first; NULL: from the start; returns NULL at the
 * end. */
Endpoint *manager_next(Manager *manager, const Endpoint *after);

/* Every bridge of the host with its ports, from one look at the kernel. */
typedef int (*manager_bridge_t)(const LinkInfo *bridge, const BridgePorts *ports, void *userdata);
int manager_list_bridges(Manager *manager, manager_bridge_t each, void *userdata, Failure *failure);
