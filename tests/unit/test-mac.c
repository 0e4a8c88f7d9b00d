/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MAC addresses: they are printed in one spelling, and few spellings are accepted. */
#include <errno.h>

#include "common/mac.h"
#include "testing.h"

static void an_address_is_read_in_either_case(void **state) {
        const Mac expected = { { 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef } };
        Mac mac;

        assert_int_equal(mac_parse("52:54:00:ab:cd:ef", &mac), 0);
        assert_memory_equal(&mac, &expected, sizeof(mac));
        assert_int_equal(mac_parse("52:54:00:AB:Cd:eF", &mac), 0);
        assert_memory_equal(&mac, &expected, sizeof(mac));
}

static void anything_but_six_hex_pairs_is_refused(void **state) {
        static const char *const texts[] = {
                "",
                ":",
                "52:54:00:12:34",
                "52:54:00:12:34:5",
                "52:54:00:12:34:567",
                "52:54:00:12:34:56:",
                "52:54:00:12:34:56:78",
                "52-54-00-12-34-56",
                "525400123456",
                "52:54:00:12:34-56",
                "52:54:00:12:34.56",
                "5:254:00:12:34:56",
                "52:54:0:012:34:56",
                "g2:54:00:12:34:56",
                "5g:54:00:12:34:56",
                "52:54:00:12:34:5g",
                " 2:54:00:12:34:56",
                "52:54:00:12:34: 6",
                "+2:54:00:12:34:56",
                "-1:54:00:12:34:56",
                "0x:54:00:12:34:56",
                "52:54:00:12:34:56\n",
                " 52:54:00:12:34:56",
                "\xff\xff:\xff\xff:\xff\xff:\xff\xff:\xff\xff:\xff\xff",
        };
        Mac mac = { { 1, 2, 3, 4, 5, 6 } };
        const Mac before = mac;

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                if (mac_parse(texts[i], &mac) != -EINVAL)
                        fail_msg("taken: %s", texts[i]);
                assert_memory_equal(&mac, &before, sizeof(mac));
        }
}

static void each_byte_of_an_address_is_checked(void **state) {
        Mac mac;

        for (size_t at = 0; at < MAC_TEXT_SIZE - 1; at++)
                for (int byte = 1; byte < 256; byte++) {
                        char text[] = "52:54:00:12:34:56";
                        bool hex = memchr("0123456789abcdefABCDEF", byte, 22), colon = byte == ':';

                        text[at] = (char)byte;
                        assert_int_equal(mac_parse(text, &mac),
                                        (at % 3 == 2 ? colon : hex) ? 0 : -EINVAL);
                }
}

static void what_is_written_is_lower_case_and_is_read_again(void **state) {
        uint64_t seed = RANDOM_SEED;
        char text[MAC_TEXT_SIZE];

        for (int i = 0; i < 100000; i++) {
                uint64_t bits = random_next(&seed);
                Mac mac, again;

                memcpy(&mac, &bits, sizeof(mac));
                assert_ptr_equal(mac_format(&mac, text), text);
                assert_int_equal(strlen(text), MAC_TEXT_SIZE - 1);
                assert_int_equal(strspn(text, "0123456789abcdef:"), MAC_TEXT_SIZE - 1);
                assert_int_equal(mac_parse(text, &again), 0);
                assert_true(mac_equal(&mac, &again));
        }
}

static void the_hosts_side_begins_with_fe_and_keeps_the_rest(void **state) {
        for (int first = 0; first < 256; first++) {
                const Mac guest = { { (uint8_t)first, 0x54, 0x00, 0x12, 0x34, 0x56 } };
                Mac host = mac_of_host_side(&guest);

                assert_int_equal(host.ether_addr_octet[0], first == 0xfe ? 0xfa : 0xfe);
                assert_memory_equal(host.ether_addr_octet + 1, guest.ether_addr_octet + 1, 5);
                assert_false(mac_equal(&host, &guest));
                assert_true(mac_is_usable(&host));
        }
}

static void a_guest_may_use_unicast_but_not_zero(void **state) {
        const Mac zero = { { 0 } }, one = { { 0, 0, 0, 0, 0, 1 } };

        assert_false(mac_is_usable(&zero));
        assert_true(mac_is_usable(&one));
        for (int first = 0; first < 256; first++) {
                const Mac mac = { { (uint8_t)first, 0, 0, 0, 0, 1 } };

                assert_int_equal(mac_is_usable(&mac), first % 2 == 0);
        }
}

static void a_generated_one_is_qemus_and_random(void **state) {
        char text[MAC_TEXT_SIZE];
        Mac a, b;
        int different = 0;

        for (int i = 0; i < 100; i++) {
                assert_int_equal(mac_generate(&a), 0);
                assert_int_equal(mac_generate(&b), 0);
                assert_memory_equal(mac_format(&a, text), "52:54:00:", 9);
                assert_true(mac_is_usable(&a));
                different += !mac_equal(&a, &b);
        }
        assert_true(different > 90);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_is_read_in_either_case),
                cmocka_unit_test(anything_but_six_hex_pairs_is_refused),
                cmocka_unit_test(each_byte_of_an_address_is_checked),
                cmocka_unit_test(what_is_written_is_lower_case_and_is_read_again),
                cmocka_unit_test(the_hosts_side_begins_with_fe_and_keeps_the_rest),
                cmocka_unit_test(a_guest_may_use_unicast_but_not_zero),
                cmocka_unit_test(a_generated_one_is_qemus_and_random),
        };

        return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
