/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Makes taps. */

#include "taps/manager.h"

/* Makes the tap, on exactly that bridge; a network that is not up is brought up for it. The queues
 * are the caller's, to be given to manager_close_queues() when they have been passed on. After a
 * failure the kernel is as before within a second. Fails as placement_check() does, and with Stale,
 * AddressInUse, KernelError. */
int manager_create_tap(Manager *manager, const TapRequest *request, const Client *client,
                const Placement *place, FdSet *ret_queues, Endpoint **ret, Failure *failure);

/* Tells the observer of a tap that was just made: after its caller was told, and before the loop
 * runs. */
void manager_announce(Manager *manager, const Endpoint *endpoint);
