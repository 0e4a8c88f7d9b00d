/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Acts against tampering holders, and has endpoints deleted. */

#include "taps/manager-private.h"

/* Has the endpoint deleted, if it is LIVE. -ENOMEM; -ECANCELED: the manager is stopping. */
int manager_delete(Manager *manager, Endpoint *endpoint, EndpointEnd end);

/* Makes the timer by which refused deletions are tried again. -errno of sd_event_add_time(3). */
int manager_guard_begin(Manager *manager, sd_event *event);

/* Called before the record takes over what the kernel says of the link: what its holder must not do
 * is undone, also in *link, or the endpoint is deleted. */
void manager_guard(Manager *manager, Endpoint *endpoint, LinkInfo *link);

/* Counts an event: too many are tampering. */
void manager_count_event(Manager *manager, Endpoint *endpoint);
