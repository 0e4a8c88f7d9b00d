/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The warnings about the rulesets of real firewalls, which are in tests/unit/rulesets. */
#include "networks/firewall.h"

#include <stdlib.h>
#include <unistd.h>

#include "testing.h"
#include "world.h"

/* A host with a network and an egress route, of both families. */
static void make_host(void) {
        world_run("ip link add vnicbr0 type bridge; ip link set vnicbr0 up; "
                  "ip link add br0 type bridge; ip link set br0 up; "
                  "ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 "
                  "up; "
                  "ip address add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1; "
                  "ip address add 2001:db8::2/64 dev up0 nodad; "
                  "ip -6 route add default via 2001:db8::1 dev up0");
}

static void load(const char *name) {
        const char *end = strrchr(name, '.');

        if (strcmp(end, ".nft") == 0)
                world_run("nft -f " RULESETS "/%s", name);
        else
                world_run("%s-nft-restore < " RULESETS "/%s",
                                strcmp(end, ".v6") == 0 ? "ip6tables" : "iptables", name);
}

static NetworkPlan plan_of_both_families(NetworkKind kind) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, "vnicbr0");
        plan.kind = kind;
        assert_ok(network_plan_add_address(&plan, "10.90.7.1/24"));
        assert_ok(network_plan_add_address(&plan, "fd00:9:0:7::1/64"));
        return plan;
}

static FirewallNetwork look_as(NetworkPlan plan) {
        FirewallLook look = { .n_networks = 1 };
        Failure failure = FAILURE_INIT;
        FirewallNetwork found;

        look.networks = calloc(1, sizeof(*look.networks));
        assert_non_null(look.networks);
        look.networks[0] = (FirewallNetwork){ .plan = plan, .ifindex = world_ifindex("vnicbr0") };
        if (firewall_look(&look, &failure) < 0)
                fail_msg("%s", failure.text);
        found = look.networks[0];
        firewall_look_done(&look);
        return found;
}

static FirewallNetwork look(void) {
        return look_as(plan_of_both_families(NETWORK_NAT));
}

static void assert_fate(const Fate *fate, FateOutcome outcome, const char *chain) {
        if (fate->outcome != outcome || strcmp(fate->chain, chain) != 0)
                fail_msg("%d by \"%s\", not %d by \"%s\"", fate->outcome, fate->chain, outcome,
                                chain);
}

static void assert_all_accepted(void) {
        const FirewallNetwork found = look();

        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++)
                assert_fate(&found.fates[i], FATE_ACCEPTED, "");
}

static void without_a_firewall_all_is_well(void **state) {
        make_host();
        assert_all_accepted();
}

static void of_libvirt_there_is_nothing_to_say(void **state) {
        make_host();
        load("libvirt.v4");
        assert_all_accepted();
}

static void firewalld_refuses_guests_in_its_default_zone(void **state) {
        FirewallNetwork found;

        make_host();
        load("firewalld.nft");
        found = look();
        assert_fate(&found.fates[FIREWALL_DHCP], FATE_DROPPED, "inet firewalld filter_IN_public");
        assert_fate(&found.fates[FIREWALL_DNS], FATE_DROPPED, "inet firewalld filter_IN_public");
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED,
                        "inet firewalld filter_FWD_public");
}

static void firewalld_with_the_zone_of_vnicd_lets_them(void **state) {
        make_host();
        load("firewalld-zone.nft");
        assert_all_accepted();
}

static void ufw_drops_what_guests_ask_and_what_is_forwarded(void **state) {
        FirewallNetwork found;

        make_host();
        load("ufw.v4");
        load("ufw.v6");
        found = look();
        assert_fate(&found.fates[FIREWALL_DHCP], FATE_DROPPED,
                        "ip filter ufw-skip-to-policy-input");
        assert_fate(&found.fates[FIREWALL_DNS], FATE_DROPPED, "ip filter INPUT");
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip filter FORWARD");
}

static void ufw_that_was_told_lets_them(void **state) {
        make_host();
        load("ufw-told.v4");
        load("ufw-told.v6");
        assert_all_accepted();
}

static void ufw_for_one_family_only_is_told_of_the_other(void **state) {
        FirewallNetwork found;

        make_host();
        load("ufw-told.v4");
        load("ufw.v6");
        found = look();
        assert_fate(&found.fates[FIREWALL_DHCP], FATE_ACCEPTED, "");
        assert_fate(&found.fates[FIREWALL_DNS], FATE_DROPPED, "ip6 filter INPUT");
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip6 filter FORWARD");
}

static void docker_drops_what_is_forwarded_and_nothing_else(void **state) {
        FirewallNetwork found;

        make_host();
        load("docker.v4");
        found = look();
        assert_fate(&found.fates[FIREWALL_DHCP], FATE_ACCEPTED, "");
        assert_fate(&found.fates[FIREWALL_DNS], FATE_ACCEPTED, "");
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip filter FORWARD");
        /* Half of the fix: no reply gets back. */
        world_run("iptables-nft -I DOCKER-USER -i vnicbr0 -j ACCEPT");
        found = look();
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip filter FORWARD");
        world_run("iptables-nft -I DOCKER-USER -o vnicbr0 -m conntrack "
                  "--ctstate RELATED,ESTABLISHED -j ACCEPT");
        assert_all_accepted();
}

static void a_mark_of_kubernetes_is_in_nobodys_way(void **state) {
        make_host();
        load("kubernetes.v4");
        assert_all_accepted();
}

/* Its rules are about existing devices, so none of them applies to a guest. */
static void all_of_them_at_once_are_told_one_by_one(void **state) {
        FirewallNetwork found;

        make_host();
        load("firewalld-zone.nft");
        load("kubernetes.v4");
        load("ufw-told.v6");
        assert_all_accepted();
        world_run("nft 'add table inet mine; add chain inet mine guard { type filter hook input "
                  "priority 50; policy accept; }; add rule inet mine guard iifname \"vnicbr*\" udp "
                  "dport 53 reject'");
        found = look();
        assert_fate(&found.fates[FIREWALL_DHCP], FATE_ACCEPTED, "");
        assert_fate(&found.fates[FIREWALL_DNS], FATE_DROPPED, "inet mine guard");
}

static void what_hangs_on_what_is_not_known_is_undecided(void **state) {
        FirewallNetwork found;

        make_host();
        world_run("nft 'add table ip mine; add chain ip mine fw { type filter hook forward "
                  "priority "
                  "0; policy drop; }; add rule ip mine fw ct state established accept; "
                  "add rule ip mine fw meta mark 7 accept'");
        found = look();
        assert_fate(&found.fates[FIREWALL_DNS], FATE_ACCEPTED, "");
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_UNDECIDED, "ip mine fw");
        /* Another rule decides. */
        world_run("nft insert rule ip mine fw iifname vnicbr0 oifname up0 accept");
        assert_all_accepted();
        world_run("nft insert rule ip mine fw ip saddr 10.90.0.0/16 drop");
        found = look();
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip mine fw");
}

static void some_of_the_world_is_not_all_of_it(void **state) {
        FirewallNetwork found;

        make_host();
        world_run("nft 'add table inet mine; add set inet mine bad { type ipv4_addr; flags "
                  "interval; elements = { 93.0.0.0/8, 11.0.0.0/8 }; }; add chain inet mine fw { "
                  "type filter hook forward priority 0; policy accept; }; add rule inet mine fw ip "
                  "daddr @bad drop'");
        found = look();
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_UNDECIDED, "inet mine fw");
        world_run("nft 'flush set inet mine bad; add element inet mine bad { 192.0.2.0/24, "
                  "172.16.0.0/12 }'");
        assert_all_accepted();
}

static void answers_are_no_new_connections(void **state) {
        make_host();
        world_run("for i in iptables-nft ip6tables-nft; do "
                  "$i -A FORWARD -i up0 -p tcp --syn -j DROP; done");
        assert_all_accepted();
}

static void the_first_answer_and_the_later_ones_have_flags_of_their_own(void **state) {
        FirewallNetwork found;

        make_host();
        world_run("iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -i vnicbr0 -j ACCEPT; "
                  "iptables-nft -A FORWARD -o vnicbr0 -p tcp --tcp-flags SYN,ACK SYN,ACK "
                  "-j ACCEPT");
        found = look();
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip filter FORWARD");
        world_run("iptables-nft -A FORWARD -o vnicbr0 -p tcp --tcp-flags SYN,ACK ACK -j ACCEPT");
        assert_all_accepted();
        world_run("iptables-nft -I FORWARD -o vnicbr0 -p tcp --tcp-flags SYN,ACK SYN,ACK -j DROP");
        found = look();
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_DROPPED, "ip filter FORWARD");
}

static void what_a_network_does_without_is_not_asked_about(void **state) {
        NetworkPlan plan = plan_of_both_families(NETWORK_ISOLATED);
        FirewallNetwork found;

        make_host();
        load("ufw.v4");
        load("ufw.v6");
        found = look_as(plan);
        assert_fate(&found.fates[FIREWALL_EGRESS], FATE_ACCEPTED, "");
        assert_int_equal(found.fates[FIREWALL_DHCP].outcome, FATE_DROPPED);
        plan.dhcp = false;
        found = look_as(plan);
        assert_fate(&found.fates[FIREWALL_DHCP], FATE_ACCEPTED, "");
        assert_int_equal(found.fates[FIREWALL_DNS].outcome, FATE_DROPPED);
        plan.host_access = false;
        found = look_as(plan);
        assert_fate(&found.fates[FIREWALL_DNS], FATE_ACCEPTED, "");
}

static void a_family_by_which_the_host_goes_nowhere_is_not_asked_about(void **state) {
        make_host();
        world_run("ip6tables-nft -P FORWARD DROP; ip -6 route del default");
        assert_all_accepted();
        /* Without any egress route it is not known which device there will be. */
        world_run("ip route del default; iptables-nft -P FORWARD DROP");
        assert_int_equal(look().fates[FIREWALL_EGRESS].outcome, FATE_DROPPED);
}

static void a_bridge_with_another_name_is_asked_about_by_that(void **state) {
        make_host();
        load("ufw-told.v4");
        load("ufw-told.v6");
        assert_all_accepted();
        world_run("ip link set vnicbr0 down; ip link set vnicbr0 name other; "
                  "ip link set other up; ip link add vnicbr0 type bridge");
        /* The network is the one that was renamed. */
        world_run("ip link del vnicbr0; ip link set other down; ip link set other name vnicbr1; "
                  "ip link set vnicbr1 up");
        world_run("ip link property add dev vnicbr1 altname vnicbr0");
        assert_int_equal(look().fates[FIREWALL_DHCP].outcome, FATE_DROPPED);
}

static void frames_across_a_bridge_are_dropped_where_something_drops_them(void **state) {
        FirewallLook look = { .n_networks = 0 };

        if (access("/proc/sys/net/bridge", F_OK) < 0)
                skip();
        make_host();
        assert_ok(firewall_look(&look, NULL));
        assert_int_equal(look.n_bridges, 0);
        firewall_look_done(&look);
        load("docker.v4");
        world_run("iptables-nft -I DOCKER-USER -i br0 -o br0 -j ACCEPT");
        assert_ok(firewall_look(&look, NULL));
        assert_int_equal(look.n_bridges, 1);
        assert_int_equal(look.bridges[0].ifindex, world_ifindex("vnicbr0"));
        assert_fate(&look.bridges[0].v4, FATE_DROPPED, "ip filter FORWARD");
        assert_fate(&look.bridges[0].v6, FATE_ACCEPTED, "");
        firewall_look_done(&look);
        world_run("iptables-nft -I DOCKER-USER -m physdev --physdev-is-bridged -j ACCEPT");
        assert_ok(firewall_look(&look, NULL));
        assert_int_equal(look.n_bridges, 0);
        firewall_look_done(&look);
}

static void sentences_say_what_to_do(void **state) {
        const Fate fate = { FATE_DROPPED, "ip filter INPUT" };
        char words[FIREWALL_SENTENCE_SIZE];

        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++) {
                firewall_sentence(i, &fate, "vnicbr0", words);
                assert_non_null(strstr(words, "\"ip filter INPUT\" of another firewall drops"));
                assert_non_null(strstr(words, "from vnicbr0"));
                assert_string_equal(words + strlen(words) - 1, ".");
        }
}

#define CASE(name) cmocka_unit_test_setup(name, world_enter)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(without_a_firewall_all_is_well),
                CASE(of_libvirt_there_is_nothing_to_say),
                CASE(firewalld_refuses_guests_in_its_default_zone),
                CASE(firewalld_with_the_zone_of_vnicd_lets_them),
                CASE(ufw_drops_what_guests_ask_and_what_is_forwarded),
                CASE(ufw_that_was_told_lets_them),
                CASE(ufw_for_one_family_only_is_told_of_the_other),
                CASE(docker_drops_what_is_forwarded_and_nothing_else),
                CASE(a_mark_of_kubernetes_is_in_nobodys_way),
                CASE(all_of_them_at_once_are_told_one_by_one),
                CASE(what_hangs_on_what_is_not_known_is_undecided),
                CASE(some_of_the_world_is_not_all_of_it),
                CASE(answers_are_no_new_connections),
                CASE(the_first_answer_and_the_later_ones_have_flags_of_their_own),
                CASE(what_a_network_does_without_is_not_asked_about),
                CASE(a_family_by_which_the_host_goes_nowhere_is_not_asked_about),
                CASE(a_bridge_with_another_name_is_asked_about_by_that),
                CASE(frames_across_a_bridge_are_dropped_where_something_drops_them),
                CASE(sentences_say_what_to_do),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        if (access("/usr/sbin/iptables-nft-restore", X_OK) < 0) {
                puts("1..0 # SKIP there is no iptables-nft-restore");
                return WORLD_SKIPPED;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
