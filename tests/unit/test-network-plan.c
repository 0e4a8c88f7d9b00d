/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>

#include "config/network-plan.h"
#include "testing.h"

static void a_name_is_short_lower_case_and_not_that_of_a_tap(void **state) {
        static const char *const good[] = { "vnicbr0", "a", "lab-1", "abcdefghijklmno", "vnic1" };
        static const char *const bad[] = { "", "A", "0net", "-a", "a-", "a_b", "a.b", "all", "lo",
                "default", "abcdefghijklmnop", "vnic3f9a01c2", "a b", "a/b", "n\xc3\xa4" };

        for (size_t i = 0; i < ELEMENTS(good); i++)
                assert_true(network_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_false(network_name_is_valid(bad[i]));
}

static void an_address_is_one_that_a_host_can_have(void **state) {
        static const char *const good[] = { "10.70.3.1/24", "192.168.255.254/30", "172.16.0.1/8",
                "fd70:3::1/64", "2001:db8::ff/64" };
        static const char *const bad[] = { "", "10.70.3.1", "10.70.3.1/", "/24", "10.70.3.0/24",
                "10.70.3.255/24", "10.70.3.1/31", "10.70.3.1/7", "10.70.3.1/024", "10.70.3.1/24 ",
                "127.0.0.1/8", "169.254.1.1/16", "224.0.0.1/24", "0.1.2.3/24", "10.70.3/24",
                "fe80::1/64", "ff02::1/64", "::1/64", "fd70::/64", "fd70::1/63", "fd70::1/128",
                "::ffff:10.0.0.1/64", "10.70.3.1/24/24", "host/24" };

        for (size_t i = 0; i < ELEMENTS(good); i++) {
                NetworkPlan plan = NETWORK_PLAN_INIT;
                char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE];

                assert_int_equal(network_plan_add_address(&plan, good[i]), 0);
                network_plan_v4(&plan, v4);
                network_plan_v6(&plan, v6);
                assert_string_equal(*v4 ? v4 : v6, good[i]);
                assert_true(!*v4 || !*v6);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                NetworkPlan plan = NETWORK_PLAN_INIT;

                if (network_plan_add_address(&plan, bad[i]) != -EINVAL)
                        fail_msg("%s was taken", bad[i]);
        }
}

static void there_is_one_address_of_each_family(void **state) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        assert_int_equal(network_plan_add_address(&plan, "10.70.3.1/24"), 0);
        assert_int_equal(network_plan_add_address(&plan, "fd70:3::1/64"), 0);
        assert_int_equal(network_plan_add_address(&plan, "10.70.4.1/24"), -EEXIST);
        assert_int_equal(network_plan_add_address(&plan, "fd70:4::1/64"), -EEXIST);
}

static void what_was_not_said_is_filled_in(void **state) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, "lab");
        assert_int_equal(network_plan_complete(&plan, NULL), 0);
        assert_int_equal(plan.mtu, 1500);
        assert_string_equal(plan.domain, "lab.internal");
        assert_int_equal(plan.ports_max, 1023);
        assert_int_equal(plan.ports_per_user, 1023);
        assert_true(plan.dhcp);
}

static void without_access_to_the_host_it_has_no_address_and_gives_none(void **state) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, "lab");
        plan.host_access = false;
        assert_int_equal(network_plan_complete(&plan, NULL), 0);
        assert_false(plan.dhcp);
        assert_int_equal(network_plan_add_address(&plan, "10.70.3.1/24"), 0);
        assert_int_equal(network_plan_complete(&plan, NULL), -EINVAL);
        plan.v4_prefix = 0;
        plan.kind = NETWORK_NAT;
        assert_int_equal(network_plan_complete(&plan, NULL), -EINVAL);
}

static void assert_refused(NetworkPlan plan) {
        Failure failure = FAILURE_INIT;

        strcpy(plan.name, "lab");
        assert_int_equal(network_plan_complete(&plan, &failure), -EINVAL);
        assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
        assert_int_equal(failure.text[strlen(failure.text) - 1], '.');
}

static void what_contradicts_itself_is_refused_with_a_sentence(void **state) {
        const NetworkPlan wrong[] = {
                { .mtu = 1279 },
                { .mtu = 65522 },
                { .ports_max = 1024 },
                { .ports_per_user = 1024 },
                { .reach_lan = true },
                { .domain = "Upper" },
                { .domain = "a..b" },
                { .domain = "a.internal." },
                { .domain = "abcdefghijklmnopqrstuvwxyzabcdefg" },
        };

        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                NetworkPlan plan = wrong[i];

                plan.host_access = true;
                if (plan.mtu == 0)
                        plan.mtu = 1500;
                if (plan.ports_max == 0)
                        plan.ports_max = 1;
                if (plan.ports_per_user == 0)
                        plan.ports_per_user = 1;
                assert_refused(plan);
        }
}

static void zero_is_a_number_like_others(void **state) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        plan.mtu = 0;
        assert_refused(plan);
        plan = NETWORK_PLAN_INIT;
        plan.ports_max = 0;
        assert_refused(plan);
        plan = NETWORK_PLAN_INIT;
        plan.ports_per_user = 0;
        assert_refused(plan);
}

static void kinds_have_names(void **state) {
        NetworkKind kind;

        assert_int_equal(network_kind_parse("nat", &kind), 0);
        assert_int_equal(kind, NETWORK_NAT);
        assert_int_equal(network_kind_parse("isolated", &kind), 0);
        assert_string_equal(network_kind_name(kind), "isolated");
        assert_int_equal(network_kind_parse("NAT", &kind), -EINVAL);
        assert_int_equal(network_kind_parse("", &kind), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_is_short_lower_case_and_not_that_of_a_tap),
                cmocka_unit_test(an_address_is_one_that_a_host_can_have),
                cmocka_unit_test(there_is_one_address_of_each_family),
                cmocka_unit_test(what_was_not_said_is_filled_in),
                cmocka_unit_test(without_access_to_the_host_it_has_no_address_and_gives_none),
                cmocka_unit_test(what_contradicts_itself_is_refused_with_a_sentence),
                cmocka_unit_test(zero_is_a_number_like_others),
                cmocka_unit_test(kinds_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
