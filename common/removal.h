/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A RemovalWaiter waits until something is gone: an endpoint, a network, or queues; or until
 * somebody else has answered (bus/logins). */

#include "common/list.h"

typedef struct RemovalWaiter RemovalWaiter;

/* removed() is called once, with 0, or with the negative errno of the deletion that failed; the
 * waiter is unlinked before. */
struct RemovalWaiter {
        List link;
        void (*removed)(RemovalWaiter *waiter, int error);
};

/* Notifies all waiters of the list (RemovalWaiter.link). */
void notify_removed(List *waiters, int error);
