/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Taps are made. */

#include "taps/manager.h"

/* Makes the tap, on exactly that bridge; a network that is not up comes up for it. The queues are
 * the caller's; give them to manager_close_queues() when they have been passed on. After a failure
 * the kernel is as before within a second. Failures as of placement_check(), Stale, AddressInUse,
 * KernelError. */
int manager_create_tap(Manager *manager, const TapRequest *request, const Client *client,
                const Placement *place, FdSet *ret_queues, Endpoint **ret, Failure *failure);

/* Tells the world above of a tap just made: when whoever asked for it has been told, and before the
 * loop runs on. */
void manager_announce(Manager *manager, const Endpoint *endpoint);
