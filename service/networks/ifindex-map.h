/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is found by an ifindex, on each link event: what a look-up costs does not grow with what is
 * in the map, as long as that is some thousands. Owns nothing, so that adding cannot fail.
 */

#include "common/list.h"

#define IFINDEX_MAP_BUCKETS 1024 /* 2^10 */

typedef struct IfindexMap {
        List buckets[IFINDEX_MAP_BUCKETS]; /* IfindexEntry.link */
} IfindexMap;

/* Embedded in what is found. It is taken out by list_unlink(&entry->link). */
typedef struct IfindexEntry {
        List link;
        int ifindex;
} IfindexEntry;

void ifindex_map_init(IfindexMap *map);

/* The entry must be in no map. */
void ifindex_map_add(IfindexMap *map, IfindexEntry *entry, int ifindex);

/* NULL: none. */
IfindexEntry *ifindex_map_find(const IfindexMap *map, int ifindex);
