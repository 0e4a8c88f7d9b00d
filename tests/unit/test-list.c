/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The intrusive list: its order, and unlinking of entries that may or may not be linked. */
#include "common/list.h"
#include "testing.h"

typedef struct Item {
        int number;
        List link;
} Item;

static int number_of(const List *node) {
        return container_of(node, Item, link)->number;
}

static void a_new_list_is_empty(void **state) {
        List list = LIST_INIT(list), other;

        list_init(&other);
        assert_true(list_is_empty(&list));
        assert_true(list_is_empty(&other));
        LIST_FOREACH(&list, node)
                fail();
}

static void what_is_appended_comes_in_that_order(void **state) {
        Item items[] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
        List list = LIST_INIT(list);
        int expected = 0;

        for (size_t i = 0; i < ELEMENTS(items); i++)
                list_append(&list, &items[i].link);
        LIST_FOREACH(&list, node)
                assert_int_equal(number_of(node), expected++);
        assert_int_equal(expected, 3);
}

static void the_middle_can_be_unlinked_and_again(void **state) {
        Item items[] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
        List list = LIST_INIT(list);

        for (size_t i = 0; i < ELEMENTS(items); i++)
                list_append(&list, &items[i].link);
        list_unlink(&items[1].link);
        list_unlink(&items[1].link);
        assert_true(list_is_empty(&items[1].link));
        assert_int_equal(number_of(list.next), 0);
        assert_int_equal(number_of(list.prev), 2);
        assert_ptr_equal(list.next->next, &items[2].link);
}

static void a_node_of_zero_bytes_can_be_unlinked(void **state) {
        List node = { 0 };

        list_unlink(&node);
        assert_true(list_is_empty(&node));
}

static void the_body_of_a_safe_loop_may_unlink_each(void **state) {
        Item items[16];
        List list = LIST_INIT(list);
        int n = 0;

        for (size_t i = 0; i < ELEMENTS(items); i++) {
                items[i].number = (int)i;
                list_append(&list, &items[i].link);
        }
        LIST_FOREACH_SAFE(&list, node) {
                assert_int_equal(number_of(node), n++);
                list_unlink(node);
        }
        assert_int_equal(n, 16);
        assert_true(list_is_empty(&list));
}

static void a_node_can_move_to_another_list(void **state) {
        List a = LIST_INIT(a), b = LIST_INIT(b);
        Item item = { .number = 7 };

        list_append(&a, &item.link);
        list_unlink(&item.link);
        list_append(&b, &item.link);
        assert_true(list_is_empty(&a));
        assert_int_equal(number_of(b.next), 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_list_is_empty),
                cmocka_unit_test(what_is_appended_comes_in_that_order),
                cmocka_unit_test(the_middle_can_be_unlinked_and_again),
                cmocka_unit_test(a_node_of_zero_bytes_can_be_unlinked),
                cmocka_unit_test(the_body_of_a_safe_loop_may_unlink_each),
                cmocka_unit_test(a_node_can_move_to_another_list),
        };

        return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
