/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that wait for the end of endpoints: a Release is answered when the kernel has said that the
 * link is gone; a CreateTap in whose way only an endpoint stands that is going, or may be, begins
 * anew when it is gone, or our own copies of its queues are closed.
 */

#include "api/context.h"

/* Releases the endpoint; the call, Release(), is answered when it is gone. Returns 1, or -ENOMEM.
 */
int wait_release(Service *service, sd_bus_message *call, Endpoint *endpoint);

/* Releases all endpoints of a uid; the call, ReleaseAll(), is answered with their number when all
 * are gone. Returns 1, or -ENOMEM. */
int wait_release_all(Service *service, sd_bus_message *call, uid_t uid);

/* Deletes the network with what is on it; the call, Delete(), is answered when it is gone. Returns
 * 1, or -ENOMEM. */
int wait_delete_network(Service *service, sd_bus_message *call, Network *network);

/* Dispatches the call again when what placement_check() said it has to wait for is over. Returns 1,
 * or -ENOMEM. */
int wait_retry(Service *service, sd_bus_message *call, List *watches);
