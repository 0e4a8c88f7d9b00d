/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* That the filters of all taps stay what they were made as. */

#include "taps/manager-private.h"

/* From now on others' changes of packet filters are seen. A kernel without them is no error.
 * -ENOMEM */
int manager_watch_filters(Manager *manager, sd_event *event);

/* No longer: nothing may be restored any more. */
void manager_leave_filters(Manager *manager);

/* Makes those of all taps, also where they are; which stand then is among the facts. -errno of
 * tap_filter_install(). */
int manager_make_tap_filters(Manager *manager);

/* Whether all filters stand that a new tap there needs (NULL: on no network); what was changed
 * until now is restored first. As networks_look_at_filters(). */
int manager_look_at_filters(
                Manager *manager, Network *network, List **ret_blocked_on, Failure *failure);
