/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that wait for the end of endpoints: a Release is answered when the kernel has said that the
 * link is gone; a CreateTap whose MAC is that of an endpoint under deletion begins anew when it is
 * gone.
 */

#include "bus/service.h"

/* Releases the endpoint; the call, Release(), is answered when it is gone. Returns 1, or -ENOMEM.
 */
int wait_release(Service *service, sd_bus_message *call, Endpoint *endpoint);

/* Releases all endpoints of a uid; the call, ReleaseAll(), is answered with their number when all
 * are gone. Returns 1, or -ENOMEM. */
int wait_release_all(Service *service, sd_bus_message *call, uid_t uid);

/* Deletes the network with what is on it; the call, Delete(), is answered when it is gone. Returns 1, or
 * -ENOMEM. */
int wait_delete_network(Service *service, sd_bus_message *call, Network *network);

/* Dispatches the call again when the endpoint or network whose GoneWatches these are, and which is under
 * deletion, is gone; for NULL, when some of our copies of the uid's queues are closed. Returns 1, or
 * -ENOMEM. */
int wait_retry(Service *service, sd_bus_message *call, List *watches, uid_t uid);
