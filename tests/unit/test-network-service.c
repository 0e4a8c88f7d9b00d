/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The configuration text of a network's dnsmasq. The guest tier tests that the program acts on it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "networks/network-service.h"
#include "testing.h"

static NetworkPlan plan_of(NetworkKind kind) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, "vnicbr0");
        strcpy(plan.domain, "vnicbr0.internal");
        plan.kind = kind;
        plan.v4_prefix = 24;
        plan.v6_prefix = 64;
        plan.mtu = 1500;
        assert_int_equal(inet_pton(AF_INET, "10.90.7.1", &plan.v4), 1);
        assert_int_equal(inet_pton(AF_INET6, "fd12:3456:789a:1::1", &plan.v6), 1);
        return plan;
}

static char *config_of(const NetworkPlan *plan, const char *host_name) {
        char *text = NULL;

        assert_int_equal(network_service_config(plan, host_name, "/hosts", &text), 0);
        assert_non_null(text);
        return text;
}

static bool has_line(const char *text, const char *line) {
        size_t n = strlen(line);

        for (const char *at = text; (at = strstr(at, line)); at++)
                if ((at == text || at[-1] == '\n') && at[n] == '\n')
                        return true;
        return false;
}

static void assert_line(const char *text, const char *line) {
        if (!has_line(text, line))
                fail_msg("\"%s\" is not a line of:\n%s", line, text);
}

static void assert_nowhere(const char *text, const char *words) {
        if (strstr(text, words))
                fail_msg("\"%s\" stands in:\n%s", words, text);
}

static void a_nat_network_that_reaches_the_lan_says_so(void **state) {
        NetworkPlan plan = plan_of(NETWORK_NAT);
        _cleanup_free_ char *text = NULL;

        plan.reach_lan = true;
        text = config_of(&plan, "desk");
        assert_ptr_equal(strstr(text, "# vnicd network vnicbr0 nat lan\n"), text);
}

static void a_nat_network_gives_addresses_names_and_a_way_out(void **state) {
        NetworkPlan plan = plan_of(NETWORK_NAT);
        _cleanup_free_ char *text = config_of(&plan, "desk");

        assert_ptr_equal(strstr(text, "# vnicd network vnicbr0 nat\n"), text);
        assert_line(text, "interface=vnicbr0");
        assert_line(text, "dhcp-range=10.90.7.1,10.90.7.254,255.255.255.0,3600");
        assert_line(text, "dhcp-range=fd12:3456:789a:1::,ra-stateless,ra-names,64,3600");
        assert_line(text, "dhcp-ignore-clid");
        assert_line(text, "ra-param=vnicbr0,mtu:1500,60,1800");
        assert_line(text, "dhcp-option=option:mtu,1500");
        assert_line(text, "dhcp-leasefile=/run/vnicd-network/vnicbr0/leases");
        assert_line(text, "domain=vnicbr0.internal");
        assert_line(text, "local=/vnicbr0.internal/");
        assert_line(text, "host-record=desk.vnicbr0.internal,desk,10.90.7.1,fd12:3456:789a:1::1");
        assert_line(text, "host-record=host.vnicbr0.internal,host,10.90.7.1,fd12:3456:789a:1::1");
        assert_nowhere(text, "no-resolv");
        assert_nowhere(text, "option:router");
}

static void hosts_are_in_a_folder_that_dnsmasq_watches(void **state) {
        NetworkHost host = { .mac = { { 0x52, 0x54, 0, 0x12, 0x34, 0x56 } }, .name = "web" };
        char line[NETWORK_HOST_LINE_SIZE], file[NETWORK_HOST_FILE_SIZE];
        NetworkPlan plan = plan_of(NETWORK_NAT), six = plan;
        _cleanup_free_ char *text = config_of(&plan, NULL), *six_text = NULL;

        assert_line(text, "dhcp-hostsdir=/hosts");
        six.v4_prefix = 0;
        six_text = config_of(&six, NULL);
        assert_nowhere(six_text, "hostsdir");
        assert_int_equal(inet_pton(AF_INET, "10.90.7.20", &host.address), 1);
        assert_string_equal(network_service_host(&host, line), "52:54:00:12:34:56,10.90.7.20,web");
        assert_string_equal(network_service_host_file(line, file),
                        "52:54:00:12:34:56,10.90.7.20,web\nset:nameless,web\n");
        *host.name = '\0';
        assert_string_equal(network_service_host(&host, line), "52:54:00:12:34:56,10.90.7.20");
        assert_string_equal(
                        network_service_host_file(line, file), "52:54:00:12:34:56,10.90.7.20\n");
}

static void an_isolated_network_has_no_router_and_asks_nobody(void **state) {
        NetworkPlan plan = plan_of(NETWORK_ISOLATED);
        _cleanup_free_ char *text = config_of(&plan, "desk");

        assert_ptr_equal(strstr(text, "# vnicd network vnicbr0 isolated\n"), text);
        assert_line(text, "no-resolv");
        assert_line(text, "dhcp-option=option:router");
        assert_line(text, "ra-param=vnicbr0,mtu:1500,60,0");
}

static void it_listens_on_its_bridge_alone(void **state) {
        NetworkPlan plan = plan_of(NETWORK_NAT);
        _cleanup_free_ char *text = config_of(&plan, NULL);

        assert_line(text, "except-interface=lo");
        assert_line(text, "bind-dynamic");
        assert_line(text, "no-hosts");
        assert_nowhere(text, "dhcp-script");
        assert_nowhere(text, "enable-tftp");
        assert_nowhere(text, "conf-");
}

static void without_dhcp_there_are_names_only(void **state) {
        NetworkPlan plan = plan_of(NETWORK_NAT);
        _cleanup_free_ char *text = NULL;

        plan.dhcp = false;
        text = config_of(&plan, "desk");
        assert_nowhere(text, "dhcp");
        assert_nowhere(text, "ra-");
        assert_line(text, "host-record=host.vnicbr0.internal,host,10.90.7.1,fd12:3456:789a:1::1");
}

static void one_kind_of_address_is_enough(void **state) {
        NetworkPlan four = plan_of(NETWORK_NAT), six = plan_of(NETWORK_NAT);
        _cleanup_free_ char *four_text = NULL, *six_text = NULL;

        four.v6_prefix = 0;
        six.v4_prefix = 0;
        four_text = config_of(&four, NULL);
        six_text = config_of(&six, NULL);
        assert_line(four_text, "host-record=host.vnicbr0.internal,host,10.90.7.1");
        assert_nowhere(four_text, "ra-");
        assert_nowhere(four_text, "stateless");
        assert_line(six_text, "host-record=host.vnicbr0.internal,host,fd12:3456:789a:1::1");
        assert_nowhere(six_text, "255.");
        assert_line(six_text, "enable-ra");
}

static void subnets_of_every_size_give_all_but_their_ends(void **state) {
        static const struct {
                const char *address;
                uint8_t prefix;
                const char *range;
        } cases[] = {
                { "10.0.0.1", 8, "dhcp-range=10.0.0.1,10.255.255.254,255.0.0.0,3600" },
                { "192.168.9.200", 25,
                                "dhcp-range=192.168.9.129,192.168.9.254,255.255.255.128,3600" },
                { "192.168.9.1", 30, "dhcp-range=192.168.9.1,192.168.9.2,255.255.255.252,3600" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                NetworkPlan plan = plan_of(NETWORK_NAT);
                _cleanup_free_ char *text = NULL;

                assert_int_equal(inet_pton(AF_INET, cases[i].address, &plan.v4), 1);
                plan.v4_prefix = cases[i].prefix;
                plan.v6_prefix = 0;
                text = config_of(&plan, NULL);
                assert_line(text, cases[i].range);
        }
}

static void a_host_name_that_is_no_label_is_left_out(void **state) {
        static const char *const bad[] = { "", "a b", "desk.example.org", "-desk", "desk-",
                "Desk\nuser=root", "gerät", "host", "localhost", "a,b",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                NetworkPlan plan = plan_of(NETWORK_NAT);
                _cleanup_free_ char *text = config_of(&plan, bad[i]),
                                    *plain = config_of(&plan, NULL);

                assert_string_equal(text, plain);
        }
}

static void names_that_would_break_out_of_their_line_are_refused(void **state) {
        static const char *const domains[] = { "", ".", "a.", ".a", "a..b", "a b", "a\nuser=root",
                "a/b", "-a", "a-", "A" };
        static const char *const names[] = { "", "1a", "-a", "a b", "a\nb", "a/b", "A", "a.b" };
        char *text = NULL;

        for (size_t i = 0; i < ELEMENTS(domains); i++) {
                NetworkPlan plan = plan_of(NETWORK_NAT);

                strcpy(plan.domain, domains[i]);
                assert_int_equal(network_service_config(&plan, NULL, "/hosts", &text), -EINVAL);
        }
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                NetworkPlan plan = plan_of(NETWORK_NAT);

                strcpy(plan.name, names[i]);
                assert_int_equal(network_service_config(&plan, NULL, "/hosts", &text), -EINVAL);
        }
        assert_null(text);
}

static void the_unit_is_that_of_the_network(void **state) {
        char buffer[NETWORK_UNIT_SIZE];

        assert_string_equal(
                        network_service_unit("lab-two", buffer), "vnicd-network@lab-two.service");
        assert_string_equal(network_service_unit("abcdefghijklmno", buffer),
                        "vnicd-network@abcdefghijklmno.service");
}

static void a_network_without_the_host_has_no_service(void **state) {
        NetworkPlan plan = plan_of(NETWORK_ISOLATED);

        assert_true(network_service_is_needed(&plan));
        plan.host_access = false;
        assert_false(network_service_is_needed(&plan));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_nat_network_gives_addresses_names_and_a_way_out),
                cmocka_unit_test(a_nat_network_that_reaches_the_lan_says_so),
                cmocka_unit_test(hosts_are_in_a_folder_that_dnsmasq_watches),
                cmocka_unit_test(an_isolated_network_has_no_router_and_asks_nobody),
                cmocka_unit_test(it_listens_on_its_bridge_alone),
                cmocka_unit_test(without_dhcp_there_are_names_only),
                cmocka_unit_test(one_kind_of_address_is_enough),
                cmocka_unit_test(subnets_of_every_size_give_all_but_their_ends),
                cmocka_unit_test(a_host_name_that_is_no_label_is_left_out),
                cmocka_unit_test(names_that_would_break_out_of_their_line_are_refused),
                cmocka_unit_test(the_unit_is_that_of_the_network),
                cmocka_unit_test(a_network_without_the_host_has_no_service),
        };

        return cmocka_run_group_tests_name("network-service", tests, NULL, NULL);
}
