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

/* Offloads of a persistent tap that nobody has open, or that was opened without a header, are off:
 * what its last consumer left on would make the kernel hand out frames without checksums. */
void manager_guard_offloads(Manager *manager, Endpoint *endpoint);

/* There was an event: too many are tampering. */
void manager_count_event(Manager *manager, Endpoint *endpoint);

/* Whether the guest's MAC is tied to its port; and ties it. */
bool manager_mac_is_tied(Manager *manager, const Endpoint *endpoint);
void manager_tie_mac(Manager *manager, const Endpoint *endpoint);

/* The same in each VLAN that the port is in, if these are others than before: a locked port hears a
 * guest only where its MAC is tied. */
void manager_guard_vlans(Manager *manager, Endpoint *endpoint, const PortVlans *vlans);
