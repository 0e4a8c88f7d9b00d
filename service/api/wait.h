/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that wait for endpoints to end: a Release is answered when the kernel has reported that the
 * link is gone; a CreateTap that is only blocked by an endpoint that is going, or may be, starts
 * over when that is gone, or when our own copies of its queues are closed.
 */

#include "api/context.h"

/* Releases the endpoint, and answers the call, Release(), when it is gone. Returns 1, or -ENOMEM.
 */
int wait_release(Service *service, sd_bus_message *call, Endpoint *endpoint);

/* Releases all endpoints of a uid, and answers the call, ReleaseAll(), with their number when all
 * are gone. Returns 1, or -ENOMEM. */
int wait_release_all(Service *service, sd_bus_message *call, uid_t uid);

/* Deletes the network and everything on it, and answers the call, Delete(), when it is gone.
 * Returns 1, or -ENOMEM. */
int wait_delete_network(Service *service, sd_bus_message *call, Network *network);

/* Dispatches the call again when everything that placement_check() reported as blocking it is gone.
 * Returns 1, or -ENOMEM. */
int wait_retry(Service *service, sd_bus_message *call, List *watches);
