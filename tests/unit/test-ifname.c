/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interface names: those of vnicd have one form, and every requested name goes through one check.
 * The properties are tried on a million random inputs.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/ifname.h"
#include "testing.h"

#define RANDOM_INPUTS 1000000

/* ^vnic[0-9a-f]{8}$, spelt out here independently of the code under test. */
static bool has_our_form(const char *name) {
        if (strlen(name) != 12 || memcmp(name, "vnic", 4) != 0)
                return false;
        for (const char *c = name + 4; *c; c++)
                if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f')))
                        return false;
        return true;
}

static bool is_plain_byte(unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c != '\0' && strchr("_.+@-", c));
}

static bool is_plain(const char *name) {
        size_t n = strlen(name);

        if (n < 1 || n > 15 || name[0] == '-' || name[0] == '.')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_plain_byte((unsigned char)name[i]))
                        return false;
        return true;
}

static void a_nonce_is_eight_digits_there_and_back(void **state) {
        static const uint32_t nonces[] = { 0, 1, 0xf, 0x3f9a01c2, 0x80000000, UINT32_MAX };
        char name[IFNAMSIZ];
        uint32_t again;

        for (size_t i = 0; i < ELEMENTS(nonces); i++) {
                assert_ptr_equal(ifname_of_nonce(nonces[i], name), name);
                assert_true(has_our_form(name));
                assert_int_equal(ifname_parse_nonce(name, &again), 0);
                assert_int_equal(again, nonces[i]);
        }
        assert_string_equal(ifname_of_nonce(0x3f9a01c2, name), "vnic3f9a01c2");
        assert_string_equal(ifname_of_nonce(0, name), "vnic00000000");
}

static void a_million_created_names_have_our_form_and_are_plain(void **state) {
        uint64_t seed = RANDOM_SEED;
        char name[IFNAMSIZ];

        for (int i = 0; i < RANDOM_INPUTS; i++) {
                uint32_t nonce = (uint32_t)random_next(&seed), again = ~nonce;

                ifname_of_nonce(nonce, name);
                if (!has_our_form(name) || !ifname_is_plain(name) ||
                                ifname_parse_nonce(name, &again) < 0 || again != nonce)
                        fail_msg("nonce %08x: %s", nonce, name);
        }
}

static void random_nonces_make_names_of_our_form_that_differ(void **state) {
        enum {
                N = 1000
        };
        char name[IFNAMSIZ];
        uint32_t nonces[N];
        int same = 0;

        for (int i = 0; i < N; i++) {
                assert_int_equal(ifname_nonce(&nonces[i]), 0);
                assert_true(has_our_form(ifname_of_nonce(nonces[i], name)));
                for (int k = 0; k < i; k++)
                        same += nonces[i] == nonces[k];
        }
        assert_true(same <= 2); /* on average there is one in 8,600 runs */
}

static void names_of_any_other_form_have_no_nonce(void **state) {
        static const char *const names[] = {
                "",
                "v",
                "vni",
                "vnic",
                "vnic3f9a01c",
                "vnic3f9a01c21",
                "vnic3F9A01C2",
                "Vnic3f9a01c2",
                "vnic 3f9a01c",
                "vnic-3f9a01c",
                "vnic+3f9a01c",
                "vnic0x3f9a01",
                "vnic3f9a01c2 ",
                "vnic3f9a01c2\n",
                "vnic3f9a01cg",
                " vnic3f9a01c2",
                "xvnic3f9a01c2",
                "3f9a01c2",
                "vnic3f9a_1c2",
        };
        uint32_t nonce = 77;

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                if (ifname_parse_nonce(names[i], &nonce) != -EINVAL)
                        fail_msg("taken: \"%s\"", names[i]);
                assert_int_equal(nonce, 77);
        }
}

static void a_name_of_fifteen_bytes_is_plain(void **state) {
        assert_true(ifname_is_plain("abcdefghijklmno"));
}

static void a_name_of_sixteen_bytes_is_refused(void **state) {
        assert_false(ifname_is_plain("abcdefghijklmnop"));
}

static void a_name_of_four_thousand_bytes_is_refused(void **state) {
        char name[4097];

        memset(name, 'a', 4096);
        name[4096] = '\0';
        assert_false(ifname_is_plain(name));
}

static void ordinary_names_are_plain(void **state) {
        static const char *const names[] = { "br0", "virbr0", "lxdbr0", "br-lan", "br_lan",
                "eth0.5", "a", "7", "_", "@", "+", "veth@x", "a.", "a..", "a-", "docker0", "all" };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (!ifname_is_plain(names[i]))
                        fail_msg("refused: \"%s\"", names[i]);
}

static void names_that_mean_something_elsewhere_are_refused(void **state) {
        static const char *const names[] = { "", "%d", "x%dy", "../x", "..", ".", ".x", "-", "-rf",
                "--help", "$(id)", "`id`", "a b", " a", "a ", "a/b", "/", "a:b", "a;b", "a|b",
                "a&b", "a>b", "a*", "a?", "~", "a\\b", "a'b", "a\"b", "a,b", "a=b", "a#b", "a!b",
                "{a}", "[a]", "(a)", "<a>", "a^", "\t", "\n", "a\n", "\x01", "\x7f", "a\x1b[2J",
                "\xff", "a\xff", "\xc3\xa4" };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (ifname_is_plain(names[i]))
                        fail_msg("taken: \"%s\"", names[i]);
}

static void every_byte_at_every_place_is_judged_alone(void **state) {
        for (size_t at = 0; at < 15; at++)
                for (int byte = 1; byte < 256; byte++) {
                        char name[] = "abcdefghijklmno";

                        name[at] = (char)byte;
                        assert_int_equal(ifname_is_plain(name), is_plain(name));
                }
}

static void a_million_random_names_are_judged_by_the_rule(void **state) {
        static const char bytes[] = "abzAZ09_.+@-vnic%/$( \xff\n";
        uint64_t seed = RANDOM_SEED;
        char name[32];
        uint32_t nonce;
        int plain = 0;

        for (int i = 0; i < RANDOM_INPUTS; i++) {
                size_t n = random_next(&seed) % 20;
                bool mild = random_next(&seed) % 2;

                for (size_t k = 0; k < n; k++)
                        name[k] = bytes[random_next(&seed) % (mild ? 16 : sizeof(bytes) - 1)];
                name[n] = '\0';
                plain += is_plain(name);
                if (ifname_is_plain(name) != is_plain(name))
                        fail_msg("\"%s\"", name);
                if ((ifname_parse_nonce(name, &nonce) == 0) != has_our_form(name))
                        fail_msg("\"%s\"", name);
        }
        assert_true(plain > RANDOM_INPUTS / 10); /* both kinds were tried */
        assert_true(plain < RANDOM_INPUTS / 10 * 9);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_nonce_is_eight_digits_there_and_back),
                cmocka_unit_test(a_million_created_names_have_our_form_and_are_plain),
                cmocka_unit_test(random_nonces_make_names_of_our_form_that_differ),
                cmocka_unit_test(names_of_any_other_form_have_no_nonce),
                cmocka_unit_test(a_name_of_fifteen_bytes_is_plain),
                cmocka_unit_test(a_name_of_sixteen_bytes_is_refused),
                cmocka_unit_test(a_name_of_four_thousand_bytes_is_refused),
                cmocka_unit_test(ordinary_names_are_plain),
                cmocka_unit_test(names_that_mean_something_elsewhere_are_refused),
                cmocka_unit_test(every_byte_at_every_place_is_judged_alone),
                cmocka_unit_test(a_million_random_names_are_judged_by_the_rule),
        };

        return cmocka_run_group_tests_name("ifname", tests, NULL, NULL);
}
