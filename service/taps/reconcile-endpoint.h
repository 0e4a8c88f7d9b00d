/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Brings what an endpoint was made as and what it is together, and guards its static FDB entries.
 */

#include "taps/manager-private.h"

/* The endpoint may differ from what it was made as: it is compared once the current events are
 * read, or now. */
void manager_check(Manager *manager, Endpoint *endpoint);
void manager_reconcile(Manager *manager, Endpoint *endpoint);

/* Logs one line about all that were restored since the last one. */
void manager_tell_restored(Manager *manager);

/* Adds the entry of the guest's MAC in each VLAN of the port, if these have changed: a locked port
 * hears a guest only where it has an entry. */
void manager_guard_vlans(Manager *manager, Endpoint *endpoint, const PortVlans *vlans);
