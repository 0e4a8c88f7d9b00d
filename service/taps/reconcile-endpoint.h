/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an endpoint was made as and what it is are brought together. */

#include "taps/manager-private.h"

/* It may not be as it was made: compared when the events under way are read, or now. */
void manager_check(Manager *manager, Endpoint *endpoint);
void manager_reconcile(Manager *manager, Endpoint *endpoint);

/* One line about all that were put right since the last one. */
void manager_tell_restored(Manager *manager);

/* The same in each VLAN that the port is in, if these are others than before: a locked port hears a
 * guest only where its MAC is tied. */
void manager_guard_vlans(Manager *manager, Endpoint *endpoint, const PortVlans *vlans);
