/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* That the filters of networks and of their uplinks stay what they were made as; and the uplinks,
 * with which that filter changes. */

#include "networks/network.h"

/* Before any network is there, and when nothing may be restored any more. */
void networks_begin_filters(Networks *networks);
void networks_leave_filters(Networks *networks);

/* The network has filters, which are to stay what they are; and it goes: whoever waits for them is
 * told. */
void networks_guard_filters_of(Network *network);
void networks_forget_filters_of(Network *network, int error);

/* Whoever needs the uplinks first opens them. -ENOMEM, -errno of the loop. */
int networks_open_uplinks(Networks *networks);

/* Forwarding follows what networks there are. */
void networks_update_uplinks(Networks *networks);

/* Somebody, maybe we, has changed the table of that name (after NETWORK_TABLE_PREFIX), or any. */
void networks_see_filters_touched(Networks *networks, const char *name);
void networks_see_filters_lost(Networks *networks);

/* Whether all filters stand that a new tap there needs; what was changed until now is restored
 * first. 0: they do. 1: they are being restored, and *ret_blocked_on is the list
 * (RemovalWaiter.link) of those who wait for that. KernelError (-EAGAIN): they cannot be. */
int networks_look_at_filters(
                Networks *networks, Network *network, List **ret_blocked_on, Failure *failure);
