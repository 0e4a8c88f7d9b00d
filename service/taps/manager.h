/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Owns all endpoints and networks: makes taps, finds and enumerates endpoints, has them deleted,
 * and forgets one only when the kernel has said that it is gone. Knows uids, not callers: the floor
 * above has decided what is allowed.
 */

#include <systemd/sd-event.h>

#include "common/fdset.h"
#include "common/workers.h"
#include "taps/host-capabilities.h"
#include "taps/manager-observer.h"
#include "taps/placement.h"
#include "taps/tap-filter.h"
#include "taps/tap-request.h"

/* Probes the host and adopts links that carry our tag. A host without /dev/net/tun offers nothing,
 * which is no error. -errno of sockets and of the loop. */
int manager_new(Manager **ret, sd_event *event, const ManagerObserver *observer, void *userdata);
Manager *manager_free(Manager *manager);

/* Probes the host again, on demand: a module may have been loaded since. Also makes the filters of
 * taps again. 1: something has changed; 0: nothing has; a negative errno: the probe failed, and
 * what was known stays valid. */
int manager_probe(Manager *manager);

const HostCapabilities *manager_capabilities(const Manager *manager);

/* Its networks, which live as long as it does. */
Networks *manager_networks(Manager *manager);

/* Has a tap that was just made deleted, since nobody could be told of it; also one that outlives
 * its queues. */
void manager_take_back(Manager *manager, Endpoint *endpoint);

/* Closes our copies of the queues of that uid's tap with that nonce, a moment later and off the
 * loop (taps/delayed-close). */
void manager_close_queues(Manager *manager, uid_t uid, uint32_t nonce, FdSet *queues);

/* Runs a slow job of the floor above off the loop; manager_free() waits for it. */
void manager_run(Manager *manager, WorkersJob *job);

/* Has the endpoint deleted; the waiter is told when it is gone. May be called again meanwhile.
 * -ENOMEM */
int manager_release(Manager *manager, Endpoint *endpoint, RemovalWaiter *waiter);

/* The endpoint on that network that has the lease; NULL: none. */
const Endpoint *manager_find_lease(
                const Manager *manager, const Network *network, const Lease *lease);

/* Has the taps of that user deleted that were to stay until they have logged out. */
void manager_end_login(Manager *manager, uid_t uid);

/* NULL: none. An interface is found by its present name only. */
Endpoint *manager_find(Manager *manager, uint32_t nonce);
Endpoint *manager_find_interface(Manager *manager, const char *name);
Endpoint *manager_find_label(Manager *manager, uid_t uid, const char *label);

/* Writes the present name of its bridge to buffer, and returns that; "": it is on none. */
const char *manager_bridge_of(
                Manager *manager, const Endpoint *endpoint, char buffer[static IFNAMSIZ]);

/* The next published endpoint after this one, oldest first; NULL: from the start; returns NULL at
 * the end. */
Endpoint *manager_next(Manager *manager, const Endpoint *after);
