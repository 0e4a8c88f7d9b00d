/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/removal.h"

void notify_removed(List *waiters, int error) {
        while (!list_is_empty(waiters)) {
                RemovalWaiter *waiter = container_of(waiters->next, RemovalWaiter, link);

                list_unlink(&waiter->link);
                waiter->removed(waiter, error);
        }
}
