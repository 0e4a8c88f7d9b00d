/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A RemovalWaiter waits for the end of something: of an endpoint, a network, or queues. */

#include "common/list.h"

typedef struct RemovalWaiter RemovalWaiter;

/* removed() is called once, with 0, or the negative errno that kept it from being deleted; the
 * waiter is unlinked before. */
struct RemovalWaiter {
        List link;
        void (*removed)(RemovalWaiter *waiter, int error);
};

/* Tells all of a list of RemovalWaiter.link. */
void notify_removed(List *waiters, int error);
