/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps Network.given, the leases that a network's service has given, in step with the file in
 * which the service keeps them. inotify says which files have changed; a thread reads them. The
 * owner decides when: however often a service writes, it is read no more often than that.
 */

#include "networks/networks.h"

typedef struct LeaseWatch LeaseWatch;

/* changed(): leases were read, which took that much time of a processor; lease_watch_look() has to
 * be called once more. In the loop.
 * Where the kernel gives no inotify, no lease is ever known. -ENOMEM */
int lease_watch_new(LeaseWatch **ret, Networks *networks, Workers *workers,
                void (*changed)(uint64_t processor_usec, void *userdata), void *userdata);

/* No job of it may be under way. Takes NULL. Returns NULL. */
LeaseWatch *lease_watch_free(LeaseWatch *watch);

/* Polls readable when there is something to look at. Below 0: there never is. */
int lease_watch_fd(const LeaseWatch *watch);

/* Finds out which files have changed, and has them read. */
void lease_watch_look(LeaseWatch *watch);

/* Whether changed() is still to come. */
bool lease_watch_is_reading(const LeaseWatch *watch);
