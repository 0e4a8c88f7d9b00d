/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Taps that stay until their owner has logged out (option "until_logout"). */

#include "api/context.h"

/* Also looks after the taps that are there already: their owner may have logged out while no
 * service ran. -ENOMEM, -errno of sd-event. */
int until_logout_begin(Service *service);

/* Such a tap has appeared. */
void until_logout_follow(Service *service, const Endpoint *endpoint);

/* Whether its owner is logged in. PLACEMENT_OK; PLACEMENT_BLOCKED: the RemovalWaiters of
 * *ret_blocked_on will be told. -ENODATA with InvalidOption: they are not. NotSupported: logind
 * does not say. -EUSERS with LimitsExceeded. -ENOMEM. */
int until_logout_check(
                Service *service, Call *call, uid_t owner, List **ret_blocked_on, Failure *failure);
