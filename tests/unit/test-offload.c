/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of offloads and what a header can carry: a table against the contract's words. */
#include "kernel/offload.h"
#include "testing.h"

static const char *const all_names[] = { "csum", "tso4", "tso6", "tso-ecn", "uso4", "uso6",
        "udp-tunnel-gso", "udp-tunnel-gso-csum" };

static void all_names_come_in_the_order_of_the_contract(void **state) {
        const char *names[OFFLOAD_NAMES_MAX + 1];

        assert_int_equal(ELEMENTS(all_names), OFFLOAD_NAMES_MAX);
        offload_names(UINT32_MAX, names);
        for (size_t i = 0; i < OFFLOAD_NAMES_MAX; i++)
                assert_string_equal(names[i], all_names[i]);
        assert_null(names[OFFLOAD_NAMES_MAX]);
}

static void each_bit_of_the_kernel_has_its_name(void **state) {
        static const uint32_t bits[] = { 0x01, 0x02, 0x04, 0x08, 0x20, 0x40, 0x80, 0x100 };
        const char *names[OFFLOAD_NAMES_MAX + 1];

        for (size_t i = 0; i < ELEMENTS(bits); i++) {
                offload_names(bits[i], names);
                assert_string_equal(names[0], all_names[i]);
                assert_null(names[1]);
        }
}

static void no_bit_is_no_name_and_ufo_has_none(void **state) {
        const char *names[OFFLOAD_NAMES_MAX + 1];

        offload_names(0, names);
        assert_null(names[0]);
        offload_names(0x10, names);
        assert_null(names[0]);
        offload_names(0xfffffe00, names);
        assert_null(names[0]);
}

static void without_a_header_nothing_can_be_carried(void **state) {
        assert_int_equal(offload_for_header(0x1ef, 0), 0);
}

static void tunnels_need_the_header_of_24_bytes(void **state) {
        assert_int_equal(offload_for_header(0x1ef, 10), 0x6f);
        assert_int_equal(offload_for_header(0x1ef, 12), 0x6f);
        assert_int_equal(offload_for_header(0x1ef, 20), 0x6f);
        assert_int_equal(offload_for_header(0x1ef, 24), 0x1ef);
}

static void a_header_adds_nothing_that_the_host_lacks(void **state) {
        for (uint32_t mask = 0; mask < 0x200; mask++)
                for (unsigned size = 0; size <= 24; size++)
                        assert_int_equal(offload_for_header(mask, size) & ~mask, 0);
}

static void every_name_is_found_and_nothing_else(void **state) {
        static const char *const others[] = { "", "ufo", "CSUM", "tso", "csum ", "uso" };

        for (size_t i = 0; i < OFFLOAD_NAMES_MAX; i++) {
                const char *names[OFFLOAD_NAMES_MAX + 1];

                offload_names(offload_by_name(all_names[i]), names);
                assert_string_equal(names[0], all_names[i]);
                assert_null(names[1]);
        }
        for (size_t i = 0; i < ELEMENTS(others); i++)
                assert_int_equal(offload_by_name(others[i]), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_names_come_in_the_order_of_the_contract),
                cmocka_unit_test(each_bit_of_the_kernel_has_its_name),
                cmocka_unit_test(every_name_is_found_and_nothing_else),
                cmocka_unit_test(no_bit_is_no_name_and_ufo_has_none),
                cmocka_unit_test(without_a_header_nothing_can_be_carried),
                cmocka_unit_test(tunnels_need_the_header_of_24_bytes),
                cmocka_unit_test(a_header_adds_nothing_that_the_host_lacks),
        };

        return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
