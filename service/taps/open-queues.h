/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Further queues of a tap. */

#include "taps/manager.h"

/* count (1..FDSET_MAX) more queues. The endpoint may be gone afterwards. NotMultiqueue, QueueLimit,
 * QuotaExceeded, Stale, KernelError. */
int manager_open_queues(Manager *manager, Endpoint *endpoint, const Limits *limits, unsigned count,
                FdSet *ret_queues, Failure *failure);

/* Closes, off the loop, what manager_open_queues() gave last and could not be passed on. The tag
 * counts it no longer as soon as it is closed. */
void manager_withdraw_queues(Manager *manager, Endpoint *endpoint, FdSet *queues);

/* Nobody has received so many queues that were given just now (Endpoint.just_given): they do not
 * count once our copies are closed. */
void manager_queues_lost(Manager *manager, uint32_t nonce, unsigned given);
