/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Endpoints are found by the kernel's, vnicd's and their users' names; those being deleted only by
 * their ifindex. */
#include <errno.h>
#include <stdlib.h>

#include "taps/registry.h"
#include "testing.h"

static Endpoint *make(int ifindex, uint32_t nonce, uid_t uid, const char *label) {
        Tag tag = { .uid = uid, .nonce = nonce };
        Endpoint *endpoint;

        snprintf(tag.label, sizeof(tag.label), "%s", label);
        endpoint = endpoint_new(&tag, NULL);
        assert_non_null(endpoint);
        endpoint->now.ifindex = ifindex;
        return endpoint;
}

static Endpoint *add(Registry *registry, Endpoint *endpoint) {
        assert_int_equal(registry_add(registry, endpoint), 0);
        return endpoint;
}

static void each_is_found_by_each_of_its_names(void **state) {
        Registry registry;
        Endpoint *a, *b;

        registry_init(&registry);
        a = add(&registry, make(10, 0xaaaa, 1000, "web"));
        b = add(&registry, make(11, 0xbbbb, 1000, "db"));
        assert_ptr_equal(registry_by_ifindex(&registry, 10), a);
        assert_ptr_equal(registry_by_ifindex(&registry, 11), b);
        assert_ptr_equal(registry_by_nonce(&registry, 0xaaaa), a);
        assert_ptr_equal(registry_by_nonce(&registry, 0xbbbb), b);
        assert_ptr_equal(registry_by_label(&registry, 1000, "web"), a);
        assert_ptr_equal(registry_by_label(&registry, 1000, "db"), b);
        registry_done(&registry);
}

static void what_is_not_there_is_not_found(void **state) {
        Registry registry;

        registry_init(&registry);
        assert_null(registry_by_ifindex(&registry, 10));
        assert_null(registry_by_nonce(&registry, 0));
        assert_null(registry_by_label(&registry, 0, "x"));
        add(&registry, make(10, 0xaaaa, 1000, ""));
        assert_null(registry_by_ifindex(&registry, 0));
        assert_null(registry_by_ifindex(&registry, -10));
        assert_null(registry_by_nonce(&registry, 0xaaab));
        assert_null(registry_by_label(&registry, 1000, ""));
        registry_done(&registry);
}

static void a_label_is_one_users_own(void **state) {
        Registry registry;
        Endpoint *alice, *bob;

        registry_init(&registry);
        alice = add(&registry, make(10, 1, 1000, "web"));
        bob = add(&registry, make(11, 2, 1001, "web"));
        assert_ptr_equal(registry_by_label(&registry, 1000, "web"), alice);
        assert_ptr_equal(registry_by_label(&registry, 1001, "web"), bob);
        assert_null(registry_by_label(&registry, 1002, "web"));
        assert_null(registry_by_label(&registry, 1000, "we"));
        assert_null(registry_by_label(&registry, 1000, "webb"));
        assert_null(registry_by_label(&registry, 1000, "Web"));
        registry_done(&registry);
}

static void a_label_too_long_never_finds_a_shorter_one(void **state) {
        char label[] = "abcdefghijklmnopqrstuvwxyz0123456";
        Registry registry;
        Endpoint *endpoint;

        registry_init(&registry);
        endpoint = add(&registry, make(10, 1, 1000, "abcdefghijklmnopqrstuvwxyz012345"));
        assert_int_equal(strlen(endpoint->tag.label), 32);
        assert_null(registry_by_label(&registry, 1000, label));
        label[32] = '\0';
        assert_ptr_equal(registry_by_label(&registry, 1000, label), endpoint);
        registry_done(&registry);
}

static void the_aborted_are_found_by_number_only(void **state) {
        Registry registry;
        Endpoint *endpoint = make(10, 0xaaaa, 1000, "web");

        registry_init(&registry);
        endpoint->state = ENDPOINT_ABORTED;
        add(&registry, endpoint);
        assert_ptr_equal(registry_by_ifindex(&registry, 10), endpoint);
        assert_null(registry_by_nonce(&registry, 0xaaaa));
        assert_null(registry_by_label(&registry, 1000, "web"));
        registry_remove(&registry, endpoint);
        assert_null(registry_by_ifindex(&registry, 10));
        endpoint_free(endpoint);
        registry_done(&registry);
}

static void the_next_one_may_have_the_label_of_one_that_dies(void **state) {
        Registry registry;
        Endpoint *aborted = make(10, 1, 1000, "web"), *next;

        registry_init(&registry);
        aborted->state = ENDPOINT_ABORTED;
        add(&registry, aborted);
        next = add(&registry, make(11, 2, 1000, "web"));
        assert_ptr_equal(registry_by_label(&registry, 1000, "web"), next);
        registry_remove(&registry, aborted);
        endpoint_free(aborted);
        assert_ptr_equal(registry_by_label(&registry, 1000, "web"), next);
        registry_done(&registry);
}

static void what_was_removed_is_found_no_more_and_lives_on(void **state) {
        Registry registry;
        Endpoint *endpoint;

        registry_init(&registry);
        endpoint = add(&registry, make(10, 1, 1000, "web"));
        registry_remove(&registry, endpoint);
        assert_null(registry_by_ifindex(&registry, 10));
        assert_null(registry_by_nonce(&registry, 1));
        assert_null(registry_by_label(&registry, 1000, "web"));
        assert_true(list_is_empty(&registry.endpoints));
        registry_remove(&registry, endpoint);
        assert_string_equal(endpoint->tag.label, "web");
        add(&registry, endpoint);
        assert_ptr_equal(registry_by_nonce(&registry, 1), endpoint);
        registry_done(&registry);
}

static void the_order_is_that_of_coming(void **state) {
        static const int order[] = { 30, 10, 20 };
        Registry registry;
        size_t i = 0;

        registry_init(&registry);
        for (size_t k = 0; k < ELEMENTS(order); k++)
                add(&registry, make(order[k], (uint32_t)order[k], 1000, ""));
        LIST_FOREACH(&registry.endpoints, node)
                assert_int_equal(container_of(node, Endpoint, link)->now.ifindex, order[i++]);
        registry_done(&registry);
}

static int told_error;

static void on_gone(RemovalWaiter *watch, int error) {
        told_error = error;
}

static void who_watches_is_told_at_the_end(void **state) {
        RemovalWaiter watch = { .removed = on_gone };
        Registry registry;

        told_error = 0;
        registry_init(&registry);
        endpoint_add_waiter(add(&registry, make(10, 1, 1000, "")), &watch);
        registry_done(&registry);
        assert_int_equal(told_error, -ECANCELED);
}

static void ten_thousand_are_found_and_removed_one_by_one(void **state) {
        enum {
                N = 10000
        };
        Endpoint **all = calloc(N, sizeof(Endpoint *));
        uint64_t seed = RANDOM_SEED;
        Registry registry;
        char label[16];

        assert_non_null(all);
        registry_init(&registry);
        for (int i = 0; i < N; i++) {
                snprintf(label, sizeof(label), "label-%d", i / 100);
                all[i] = add(&registry,
                                make(i + 1, (uint32_t)i * 2654435761u, (uid_t)(1000 + i % 100),
                                                label));
        }
        for (int i = N - 1; i > 0; i--) { /* in another order than that of creation */
                int k = (int)(random_next(&seed) % (uint64_t)(i + 1));
                Endpoint *swap = all[i];

                all[i] = all[k];
                all[k] = swap;
        }
        for (int i = 0; i < N; i++) {
                const Tag tag = all[i]->tag;
                int ifindex = all[i]->now.ifindex;

                assert_ptr_equal(registry_by_ifindex(&registry, ifindex), all[i]);
                assert_ptr_equal(registry_by_nonce(&registry, tag.nonce), all[i]);
                assert_ptr_equal(registry_by_label(&registry, tag.uid, tag.label), all[i]);
                registry_remove(&registry, all[i]);
                endpoint_free(all[i]);
                assert_null(registry_by_ifindex(&registry, ifindex));
                assert_null(registry_by_nonce(&registry, tag.nonce));
                assert_null(registry_by_label(&registry, tag.uid, tag.label));
        }
        assert_true(list_is_empty(&registry.endpoints));
        assert_null(registry.by_ifindex);
        assert_null(registry.by_nonce);
        assert_null(registry.by_label);
        registry_done(&registry);
        free(all);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_is_found_by_each_of_its_names),
                cmocka_unit_test(what_is_not_there_is_not_found),
                cmocka_unit_test(a_label_is_one_users_own),
                cmocka_unit_test(a_label_too_long_never_finds_a_shorter_one),
                cmocka_unit_test(the_aborted_are_found_by_number_only),
                cmocka_unit_test(the_next_one_may_have_the_label_of_one_that_dies),
                cmocka_unit_test(what_was_removed_is_found_no_more_and_lives_on),
                cmocka_unit_test(the_order_is_that_of_coming),
                cmocka_unit_test(who_watches_is_told_at_the_end),
                cmocka_unit_test(ten_thousand_are_found_and_removed_one_by_one),
        };

        return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
