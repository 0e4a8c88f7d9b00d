/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Against the holders of queues; and the deletion of endpoints. */

#include "taps/manager-private.h"

/* Has the endpoint deleted, if that is not under way. -ENOMEM */
int manager_delete(Manager *manager, Endpoint *endpoint, EndpointEnd end);

/* The timer for manager_delete() to try again. -errno of sd_event_add_time(3). */
int manager_guard_begin(Manager *manager, sd_event *event);

/* Before the record takes over what the kernel says of the link: what its holder should not have
 * done is put right, in *link too, or the endpoint is deleted. */
void manager_guard(Manager *manager, Endpoint *endpoint, LinkInfo *link);

/* There was an event: too many are tampering. */
void manager_count_event(Manager *manager, Endpoint *endpoint);
