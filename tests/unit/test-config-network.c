/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsing of the files of /etc/vnicd/networks: whatever is not exactly right is refused with its
 * file and line. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "config/config-network.h"
#include "testing.h"

static int parse(const char *text, NetworkPlan *ret, Failure *failure) {
        NetworkHosts hosts = { NULL, 0 };
        int r = config_network_parse(
                        "lab.conf", "lab.conf", text, strlen(text), ret, &hosts, failure);

        free(hosts.hosts);
        return r;
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

#define FOUR "[Network]\nKind=nat\nAddress=10.70.3.1/24\n"

static void hosts_have_an_address_and_maybe_a_name(void **state) {
        static const char text[] = "[Network]\nKind=nat\n"
                                   "Host=52:54:00:00:00:AB 10.70.3.9\n"
                                   "Host = 52:54:00:00:00:02 \t 10.70.3.254  web-1\n"
                                   "Address=10.70.3.1/24\n";
        NetworkHosts hosts;
        NetworkPlan plan;
        char address[INET_ADDRSTRLEN], mac[MAC_TEXT_SIZE];

        assert_int_equal(config_network_parse("lab.conf", "lab.conf", text, strlen(text), &plan,
                                         &hosts, NULL),
                        0);
        assert_int_equal(hosts.n, 2);
        assert_string_equal(mac_format(&hosts.hosts[0].mac, mac), "52:54:00:00:00:ab");
        assert_string_equal(hosts.hosts[0].name, "");
        assert_string_equal(inet_ntop(AF_INET, &hosts.hosts[1].address, address, sizeof(address)),
                        "10.70.3.254");
        assert_string_equal(hosts.hosts[1].name, "web-1");
        free(hosts.hosts);
}

/* dnsmasq would take them for durations or keywords, or they are the host's, or no labels. */
static void words_that_are_no_name_are_refused(void **state) {
        static const char *const bad[] = { "infinite", "ignore", "1h", "30m", "45", "7d", "2w",
                "90s", "0", "host", "localhost", "-a", "a-", "a.b", "a_b", "A", "set:x", "a,b",
                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl" };
        static const char *const good[] = { "a", "h", "1hx", "h1", "30min", "m30", "45a", "1-h",
                "infinite1", "ignored", "1x",
                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk" };

        for (size_t i = 0; i < ELEMENTS(bad) + ELEMENTS(good); i++) {
                const char *name = i < ELEMENTS(bad) ? bad[i] : good[i - ELEMENTS(bad)];
                char text[256];
                NetworkPlan plan;

                snprintf(text, sizeof(text), FOUR "Host=52:54:00:00:00:01 10.70.3.9 %s\n", name);
                if (parse(text, &plan, NULL) != (i < ELEMENTS(bad) ? -EINVAL : 0))
                        fail_msg("%s", name);
        }
}

static void there_are_no_more_hosts_than_ports(void **state) {
        static char text[1024 * 64] = "[Network]\nKind=nat\nAddress=10.70.3.1/16\n";
        size_t n = strlen(text);
        NetworkPlan plan;

        for (unsigned i = 1; i <= 1023; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n,
                                "Host=52:54:00:00:%02x:%02x 10.70.%u.%u\n", i >> 8, i & 255,
                                4 + i / 256, i % 256);
        assert_int_equal(parse(text, &plan, NULL), 0);
        snprintf(text + n, sizeof(text) - n, "Host=52:54:00:01:00:00 10.70.9.9\n");
        assert_int_equal(parse(text, &plan, NULL), -EINVAL);
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
                { FOUR "Host=\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.9 web db\n", "lab.conf:4: " },
                { FOUR "Host=10.70.3.9 52:54:00:00:00:01\n", "lab.conf:4: " },
                { FOUR "Host=53:54:00:00:00:01 10.70.3.9\n", "lab.conf:4: " },
                { FOUR "Host=00:00:00:00:00:00 10.70.3.9\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.09\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.9/24\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 fd70:3::9\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.4.9\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.0\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.1\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.255\n", "lab.conf:4: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.9\nHost=52:54:00:00:00:01 10.70.3.8\n",
                                "lab.conf:5: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.9\nHost=52:54:00:00:00:02 10.70.3.9\n",
                                "lab.conf:5: " },
                { FOUR "Host=52:54:00:00:00:01 10.70.3.9 a\nHost=52:54:00:00:00:02 10.70.3.8 a\n",
                                "lab.conf:5: " },
                { "[Network]\nKind=nat\nHost=52:54:00:00:00:01 10.70.3.9\n", "lab.conf:3: " },
                { FOUR "Dhcp=no\nHost=52:54:00:00:00:01 10.70.3.9\n", "lab.conf:5: " },
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
                NetworkHosts hosts;
                NetworkPlan plan;

                assert_int_equal(config_network_parse(names[i], names[i], text, strlen(text), &plan,
                                                 &hosts, &failure),
                                -EINVAL);
                assert_int_equal(failure.kind, FAILURE_INVALID_CONFIGURATION);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_key_is_taken),
                cmocka_unit_test(the_kind_alone_is_enough),
                cmocka_unit_test(hosts_have_an_address_and_maybe_a_name),
                cmocka_unit_test(words_that_are_no_name_are_refused),
                cmocka_unit_test(there_are_no_more_hosts_than_ports),
                cmocka_unit_test(what_is_wrong_is_refused_with_file_and_line),
                cmocka_unit_test(a_file_that_cannot_name_a_network_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
