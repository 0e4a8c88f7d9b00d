/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls that remove something, and are answered when the kernel has said that it is gone. */

#include "api/context.h"

/* Releases the endpoint, for Release(). Returns 1. */
int removal_release(Service *service, Call *call, Endpoint *endpoint);

/* Which of the caller's endpoints: those for which all that is given holds. */
typedef struct ReleaseFilter {
        const char *label_prefix, *bridge; /* NULL: not given */
        bool this_connection;              /* created over the caller's connection */
} ReleaseFilter;

/* Releases the endpoints of the caller's uid that the filter lets pass, for ReleaseAll() and
 * ReleaseEndpoints(), which are answered with their number. Returns 1. */
int removal_release_own(Service *service, Call *call, const ReleaseFilter *filter);

/* Deletes the network with what is on it, for Delete(). Returns 1, or -ENOMEM. */
int removal_delete_network(Service *service, Call *call, Network *network);
