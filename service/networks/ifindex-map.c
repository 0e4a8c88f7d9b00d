/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/ifindex-map.h"

#include <stdint.h>

/* Multiplicative hashing (Knuth, 6.4): the kernel numbers links one after the other, and those of
 * one kind may be equally far from each other. */
static const List *bucket_of(const IfindexMap *map, int ifindex) {
        return &map->buckets[(uint32_t)ifindex * UINT32_C(2654435769) >> 22];
}

void ifindex_map_init(IfindexMap *map) {
        for (size_t i = 0; i < IFINDEX_MAP_BUCKETS; i++)
                list_init(&map->buckets[i]);
}

void ifindex_map_add(IfindexMap *map, IfindexEntry *entry, int ifindex) {
        entry->ifindex = ifindex;
        list_append((List *)bucket_of(map, ifindex), &entry->link);
}

IfindexEntry *ifindex_map_find(const IfindexMap *map, int ifindex) {
        LIST_FOREACH(bucket_of(map, ifindex), node) {
                IfindexEntry *entry = container_of(node, IfindexEntry, link);

                if (entry->ifindex == ifindex)
                        return entry;
        }
        return NULL;
}
