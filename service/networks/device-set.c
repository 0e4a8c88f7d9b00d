/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/device-set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The place of the first one that is not less. */
static size_t place_of(const DeviceSet *set, int ifindex) {
        size_t first = 0, end = set->n;

        while (first < end) {
                size_t middle = first + (end - first) / 2;

                if (set->ifindexes[middle] < ifindex)
                        first = middle + 1;
                else
                        end = middle;
        }
        return first;
}

bool device_set_has(const DeviceSet *set, int ifindex) {
        size_t place = place_of(set, ifindex);

        return place < set->n && set->ifindexes[place] == ifindex;
}

static int make_room(DeviceSet *set) {
        size_t room = set->room > 0 ? 2 * set->room : 8;
        int *more;

        if (set->n < set->room)
                return 0;
        more = reallocarray(set->ifindexes, room, sizeof(*more));
        if (!more)
                return -ENOMEM;
        set->ifindexes = more;
        set->room = room;
        return 0;
}

int device_set_add(DeviceSet *set, int ifindex) {
        size_t place = place_of(set, ifindex);

        if (place < set->n && set->ifindexes[place] == ifindex)
                return 0;
        if (make_room(set) < 0)
                return -ENOMEM;
        memmove(&set->ifindexes[place + 1], &set->ifindexes[place],
                        (set->n - place) * sizeof(ifindex));
        set->ifindexes[place] = ifindex;
        set->n++;
        return 0;
}

bool device_set_equal(const DeviceSet *a, const DeviceSet *b) {
        return a->n == b->n &&
                        (a->n == 0 || memcmp(a->ifindexes, b->ifindexes, a->n * sizeof(int)) == 0);
}

void device_set_done(DeviceSet *set) {
        free(set->ifindexes);
        *set = (DeviceSet){ .ifindexes = NULL };
}
