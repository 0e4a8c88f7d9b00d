/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in the map is found by its ifindex, by few comparisons however much that is. */
#include <limits.h>
#include <stdlib.h>

#include "networks/ifindex-map.h"
#include "testing.h"

#define MANY 4096

static size_t longest_chain(const IfindexMap *map) {
        size_t longest = 0;

        for (size_t i = 0; i < IFINDEX_MAP_BUCKETS; i++) {
                size_t n = 0;

                LIST_FOREACH(&map->buckets[i], node)
                        n++;
                longest = n > longest ? n : longest;
        }
        return longest;
}

static void what_was_added_is_found_and_nothing_else(void **state) {
        IfindexEntry entries[3] = { 0 };
        IfindexMap map;

        ifindex_map_init(&map);
        assert_null(ifindex_map_find(&map, 7));
        ifindex_map_add(&map, &entries[0], 7);
        ifindex_map_add(&map, &entries[1], INT_MAX);
        ifindex_map_add(&map, &entries[2], 1);
        assert_ptr_equal(ifindex_map_find(&map, 7), &entries[0]);
        assert_ptr_equal(ifindex_map_find(&map, INT_MAX), &entries[1]);
        assert_ptr_equal(ifindex_map_find(&map, 1), &entries[2]);
        assert_null(ifindex_map_find(&map, 0));
        assert_null(ifindex_map_find(&map, 8));
        list_unlink(&entries[0].link);
        assert_null(ifindex_map_find(&map, 7));
        assert_ptr_equal(ifindex_map_find(&map, 1), &entries[2]);
}

/* Networks whose bridges are so far from each other, since each has as many taps. */
static void however_many_there_are_a_look_up_compares_a_few(void **state) {
        static const int strides[] = { 1, 2, 3, 8, 10, 33, 64, 100, 256, 1000, 1024, 1025 };
        IfindexEntry *entries = calloc(MANY, sizeof(*entries));
        IfindexMap map;

        assert_non_null(entries);
        for (size_t i = 0; i < sizeof(strides) / sizeof(*strides); i++) {
                ifindex_map_init(&map);
                for (int n = 0; n < MANY; n++) {
                        ifindex_map_add(&map, &entries[n], 3 + n * strides[i]);
                        if (n == IFINDEX_MAP_BUCKETS / 4 - 1)
                                assert_in_range(longest_chain(&map), 1, 4);
                }
                /* Four for each bucket, were they spread evenly. */
                assert_in_range(longest_chain(&map), 4, 16);
                for (int n = 0; n < MANY; n++)
                        assert_ptr_equal(ifindex_map_find(&map, 3 + n * strides[i]), &entries[n]);
        }
        free(entries);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_added_is_found_and_nothing_else),
                cmocka_unit_test(however_many_there_are_a_look_up_compares_a_few),
        };

        return cmocka_run_group_tests_name("ifindex-map", tests, NULL, NULL);
}
