/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsing of the files of /etc/vnicd/networks: whatever is not exactly right is refused with its
 * file and line. */
#include <errno.h>

#include "config/config-network.h"
#include "testing.h"

static int parse(const char *text, NetworkPlan *ret, Failure *failure) {
        return config_network_parse("lab.conf", "lab.conf", text, strlen(text), ret, failure);
}

static void every_key_is_taken(void **state) {
        NetworkPlan plan;
        char text[NETWORK_ADDRESS_SIZE];

        assert_int_equal(parse("# a network\n"
                               "[Network]\n"
                               "Kind=nat\n"
                               "Address=10.70.3.1/24\n"
                               "Address = fd70:3::1/64\n"
                               "Dhcp=no\n"
                               "Mtu=1400\n"
                               "GuestsIsolated=yes\n"
                               "ReachLan=yes\n"
                               "HostAccess=yes\n"
                               "GuardAddresses=yes\n"
                               "PortsMax=20\n"
                               "PortsPerUser=3\n"
                               "Domain=lab.example\n"
                               "Description = Pr\303\274fnetz, 2. Stock \n",
                                         &plan, NULL),
                        0);
        assert_string_equal(plan.name, "lab");
        assert_int_equal(plan.kind, NETWORK_NAT);
        assert_string_equal(network_plan_v4(&plan, text), "10.70.3.1/24");
        assert_string_equal(network_plan_v6(&plan, text), "fd70:3::1/64");
        assert_false(plan.dhcp);
        assert_int_equal(plan.mtu, 1400);
        assert_true(plan.guests_isolated);
        assert_true(plan.reach_lan);
        assert_true(plan.host_access);
        assert_true(plan.guard_addresses);
        assert_int_equal(plan.ports_max, 20);
        assert_int_equal(plan.ports_per_user, 3);
        assert_string_equal(plan.domain, "lab.example");
        assert_string_equal(plan.description, "Pr\303\274fnetz, 2. Stock");
}

static void the_kind_alone_is_enough(void **state) {
        NetworkPlan plan;

        assert_int_equal(parse("[Network]\nKind=isolated\n", &plan, NULL), 0);
        assert_int_equal(plan.kind, NETWORK_ISOLATED);
        assert_int_equal(plan.v4_prefix, 0);
        assert_int_equal(plan.v6_prefix, 0);
        assert_true(plan.dhcp);
        assert_true(plan.host_access);
        assert_false(plan.guests_isolated);
        assert_false(plan.guard_addresses);
        assert_string_equal(plan.domain, "lab.internal");
}

static void what_is_wrong_is_refused_with_file_and_line(void **state) {
        static const struct {
                const char *text, *place;
        } wrong[] = {
                { "Kind=nat\n", "lab.conf:1: " },
                { "[Net]\n", "lab.conf:1: " },
                { "[Network]\n[Network]\n", "lab.conf:2: " },
                { "[Network]\nKind=bridge\n", "lab.conf:2: " },
                { "[Network]\nKind=nat\nKind=nat\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nAddress=10.70.3.0/24\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nAddress=10.70.3.1/24\nAddress=10.70.4.1/24\n",
                                "lab.conf:4: " },
                { "[Network]\nKind=nat\nDhcp=true\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nGuardAddresses=on\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nMtu=1279\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nMtu=01500\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nPortsMax=0\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nPortsPerUser=-1\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nDomain=a_b\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nDomain=x\nname=x\n", "lab.conf:4: " },
                { "[Network]\nKind=nat\nDescription=\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nDescription=a\nDescription=a\n", "lab.conf:4: " },
                { "[Network]\nKind=nat\nDescription=a\342\200\256b\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nDescription=a\377b\n", "lab.conf:3: " },
                { "[Network]\nKind=nat\nDescription=1234567890123456789012345678901234567890"
                  "12345678901234567890123456789012345678901\n",
                                "lab.conf:3: " },
                { "[Network]\nKind=nat\nDomain=\303\274\n", "lab.conf:3: " },
                { "", "lab.conf: " },
                { "[Network]\n", "lab.conf: " },
                { "[Network]\nKind=nat\nHostAccess=no\n", "lab.conf: " },
                { "[Network]\nKind=isolated\nReachLan=yes\n", "lab.conf: " },
        };

        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                Failure failure = FAILURE_INIT;
                NetworkPlan plan;

                assert_int_equal(parse(wrong[i].text, &plan, &failure), -EINVAL);
                assert_int_equal(failure.kind, FAILURE_INVALID_CONFIGURATION);
                if (strncmp(failure.text, wrong[i].place, strlen(wrong[i].place)) != 0)
                        fail_msg("%s: %s", wrong[i].text, failure.text);
        }
}

static void a_file_that_cannot_name_a_network_is_refused(void **state) {
        static const char *const names[] = { "Lab.conf", "a_b.conf", "-.conf",
                "abcdefghijklmnop.conf", "vnic3f9a01c2.conf" };
        const char *text = "[Network]\nKind=nat\n";

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                Failure failure = FAILURE_INIT;
                NetworkPlan plan;

                assert_int_equal(config_network_parse(names[i], names[i], text, strlen(text), &plan,
                                                 &failure),
                                -EINVAL);
                assert_int_equal(failure.kind, FAILURE_INVALID_CONFIGURATION);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_key_is_taken),
                cmocka_unit_test(the_kind_alone_is_enough),
                cmocka_unit_test(what_is_wrong_is_refused_with_file_and_line),
                cmocka_unit_test(a_file_that_cannot_name_a_network_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
