/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/removal.h"

void notify_removed(List *watches, int error) {
        while (!list_is_empty(watches)) {
                RemovalWaiter *watch = container_of(watches->next, RemovalWaiter, link);

                list_unlink(&watch->link);
                watch->removed(watch, error);
        }
}
