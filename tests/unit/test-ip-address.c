/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading, writing, ordering and placing IP addresses. */
#include "common/ip-address.h"

#include <arpa/inet.h>
#include <errno.h>

#include "testing.h"

static IpAddress of(const char *text) {
        IpAddress address;

        assert_ok(ip_address_parse(text, &address));
        return address;
}

static void an_address_is_read_and_written(void **state) {
        static const char *const texts[] = { "10.0.0.1", "255.255.255.255", "fe80::1", "::" };
        char buffer[IP_ADDRESS_TEXT_SIZE];

        for (size_t i = 0; i < 4; i++) {
                const IpAddress address = of(texts[i]);

                assert_string_equal(ip_address_format(&address, buffer), texts[i]);
        }
        assert_int_equal(ip_address_parse("10.0.0", &(IpAddress){ 0 }), -EINVAL);
        assert_int_equal(ip_address_parse("10.0.0.1/8", &(IpAddress){ 0 }), -EINVAL);
        assert_int_equal(ip_address_parse("", &(IpAddress){ 0 }), -EINVAL);
}

static void ipv4_comes_first_and_each_family_is_in_order(void **state) {
        static const char *const texts[] = { "9.0.0.1", "10.0.0.2", "10.0.0.10", "2001:db8::1",
                "fe80::1", "fe80::2" };

        for (size_t i = 0; i < 6; i++)
                for (size_t k = 0; k < 6; k++) {
                        const IpAddress a = of(texts[i]), b = of(texts[k]);
                        const int order = ip_address_compare(&a, &b);

                        assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
                }
}

static void only_addresses_of_hosts_can_be_used(void **state) {
        static const char *const usable[] = { "10.0.0.1", "169.254.1.1", "223.255.255.254",
                "fe80::1", "::2", "2001:db8::1" };
        static const char *const others[] = { "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
                "255.255.255.255", "::", "::1", "ff02::1" };

        for (size_t i = 0; i < 6; i++) {
                const IpAddress address = of(usable[i]);

                assert_true(ip_address_is_usable(&address));
        }
        for (size_t i = 0; i < 8; i++) {
                const IpAddress address = of(others[i]);

                assert_false(ip_address_is_usable(&address));
        }
}

static void it_is_told_which_are_link_local(void **state) {
        const IpAddress low = of("fe80::"), high = of("febf:ffff::1"), other = of("fec0::1"),
                        v4 = of("254.128.0.1");

        assert_true(ip_address_is_link_local(&low));
        assert_true(ip_address_is_link_local(&high));
        assert_false(ip_address_is_link_local(&other));
        assert_false(ip_address_is_link_local(&v4));
}

static void a_subnet_has_those_with_its_first_bits(void **state) {
        const IpAddress own = of("10.77.0.1"), last = of("10.77.0.15"), beyond = of("10.77.0.16"),
                        v6 = of("fd00:1:2:3:ffff::1"), other = of("fd00:1:2:4::1");
        struct in6_addr subnet;

        assert_true(ip_address_is_in(&last, own.bytes, 28));
        assert_false(ip_address_is_in(&beyond, own.bytes, 28));
        assert_true(ip_address_is_in(&beyond, own.bytes, 24));
        assert_true(ip_address_is_in(&beyond, own.bytes, 0));
        assert_false(ip_address_is_in(&last, own.bytes, 32));
        assert_int_equal(inet_pton(AF_INET6, "fd00:1:2:3::1", &subnet), 1);
        assert_true(ip_address_is_in(&v6, &subnet, 64));
        assert_false(ip_address_is_in(&other, &subnet, 64));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_is_read_and_written),
                cmocka_unit_test(ipv4_comes_first_and_each_family_is_in_order),
                cmocka_unit_test(only_addresses_of_hosts_can_be_used),
                cmocka_unit_test(it_is_told_which_are_link_local),
                cmocka_unit_test(a_subnet_has_those_with_its_first_bits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
