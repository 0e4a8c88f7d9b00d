/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Further queues of a tap. */

#include "taps/manager.h"

/* Opens count (1..FDSET_MAX) more queues. The endpoint may be gone afterwards. NotMultiqueue,
 * QueueLimit, QuotaExceeded, Stale, KernelError. */
int manager_open_queues(Manager *manager, Endpoint *endpoint, const Limits *limits, unsigned count,
                FdSet *ret_queues, Failure *failure);

/* Closes, off the loop, the queues that manager_open_queues() gave last and that could not be
 * passed on. Once they are closed the tag no longer counts them. */
void manager_withdraw_queues(Manager *manager, Endpoint *endpoint, FdSet *queues);

/* So many queues that were just given (Endpoint.just_given) reached nobody: once our copies are
 * closed they no longer count. */
void manager_queues_lost(Manager *manager, uint32_t nonce, unsigned given);
