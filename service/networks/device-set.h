/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An ordered set of ifindexes. Starts as { NULL }. */

#include <stdbool.h>
#include <stddef.h>

typedef struct DeviceSet {
        int *ifindexes;
        size_t n, room;
} DeviceSet;

void device_set_done(DeviceSet *set);

/* -ENOMEM */
int device_set_add(DeviceSet *set, int ifindex);

bool device_set_has(const DeviceSet *set, int ifindex);

bool device_set_equal(const DeviceSet *a, const DeviceSet *b);
