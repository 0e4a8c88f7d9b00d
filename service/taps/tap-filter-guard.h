/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keeps the filters of all taps as they were made. */

#include "taps/manager-private.h"

/* From now on changes of packet filters by others are noticed. A kernel without packet filters is
 * no error. -ENOMEM */
int manager_watch_filters(Manager *manager, sd_event *event);

/* Stops that: nothing may be restored any more. */
void manager_leave_filters(Manager *manager);

/* Makes the filters of all taps, replacing those that exist; the capabilities say which are in
 * force then. -errno of tap_filter_install(). */
int manager_make_tap_filters(Manager *manager);

/* Whether all filters that a new tap there needs (NULL: on no network) are in force; what was
 * changed is restored first. Returns as networks_look_at_filters(). */
int manager_look_at_filters(
                Manager *manager, Network *network, List **ret_blocked_on, Failure *failure);
