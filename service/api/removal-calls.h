/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls that remove something, and are answered when the kernel has said that it is gone. */

#include "api/context.h"

/* Releases the endpoint, for Release(). Returns 1. */
int removal_release(Service *service, Call *call, Endpoint *endpoint);

/* Releases all endpoints of a uid, for ReleaseAll(), which is answered with their number. Returns
 * 1. */
int removal_release_all(Service *service, Call *call, uid_t uid);

/* Deletes the network with what is on it, for Delete(). Returns 1, or -ENOMEM. */
int removal_delete_network(Service *service, Call *call, Network *network);
