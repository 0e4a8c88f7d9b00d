/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keeps the filters of networks and of the uplinks as they were made; and the uplinks, whose filter
 * changes with them. */

#include "networks/egress.h"
#include "networks/network.h"

/* To be called before there is any network, and when nothing may be restored any more. */
void networks_begin_filters(Networks *networks);
void networks_leave_filters(Networks *networks);

/* The network has filters, which are to be kept; and it goes: whoever waits for them is told. */
void networks_guard_filters_of(Network *network);
void networks_forget_filters_of(Network *network, int error);

/* Makes the uplinks, if nobody has yet. -ENOMEM, -errno of the loop. */
int networks_open_uplinks(Networks *networks);

/* Adapts forwarding to the present networks. */
void networks_update_uplinks(Networks *networks);

/* By which devices guests of networks of the kind nat leave. NULL: there was no network yet. */
const Egress *networks_egress(const Networks *networks);

/* Somebody, perhaps ourselves, has changed the table of that name (after NETWORK_TABLE_PREFIX), or
 * any table. */
void networks_see_filters_touched(Networks *networks, const char *name);
void networks_see_filters_lost(Networks *networks);

/* Whether all filters that a new tap there needs are in force; what was changed is restored first.
 * 0: they are. 1: they are being restored, and *ret_blocked_on is the list of waiters
 * (RemovalWaiter.link) for that. KernelError (-EAGAIN): they cannot be restored. */
int networks_look_at_filters(
                Networks *networks, Network *network, List **ret_blocked_on, Failure *failure);
