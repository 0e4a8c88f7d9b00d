/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each kind of condition of a rule, as the kernel stores it: does it apply to a packet? */
#include "kernel/packet-fate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(Ruleset, ruleset_free)

/* A DNS query, from 10.1.2.0/24 through br0 to the host. */
static Packet question(void) {
        const struct in_addr guests = { inet_addr("10.1.2.0") }, host = { inet_addr("10.1.2.1") };
        Packet packet;

        packet_init(&packet, PACKET_INPUT, AF_INET, IPPROTO_UDP);
        packet.in = (PacketDevice){ .ifindex = world_ifindex("br0"), .kind = "bridge", .group = 7 };
        strcpy(packet.in.name, "br0");
        packet_set_source(&packet, &guests, 24);
        packet_set_target(&packet, &host, 32);
        packet_set_target_port(&packet, 53);
        return packet;
}

/* Its answer, as if it were forwarded. */
static Packet answer(void) {
        Packet packet = question();

        packet.hook = PACKET_FORWARD;
        packet_set_turn(&packet, PACKET_FIRST_ANSWER);
        packet.out = packet.in;
        return packet;
}

static FateOutcome outcome_of(const Packet *packet) {
        _cleanup_(ruleset_freep) Ruleset *ruleset = NULL;

        assert_ok(ruleset_read(&ruleset, "vnicd-", NULL));
        return packet_fate(ruleset, packet).outcome;
}

/* Dropped, undecided or accepted: the rule that drops applies, may apply, or does not. */
static const struct {
        const char *conditions;
        FateOutcome outcome;
} of_nft[] = {
        { "", FATE_DROPPED },
        { "iifname br0", FATE_DROPPED },
        { "iifname \"br*\"", FATE_DROPPED },
        { "iifname != br0", FATE_ACCEPTED },
        { "iifname { lo, br0 }", FATE_DROPPED },
        { "iif lo", FATE_ACCEPTED },
        { "iifgroup 7", FATE_DROPPED },
        { "iifgroup 8", FATE_ACCEPTED },
        { "iiftype ether", FATE_DROPPED },
        { "meta iifkind \"bridge\"", FATE_DROPPED },
        { "oifname != br0", FATE_DROPPED },
        { "oifname br0", FATE_ACCEPTED },
        { "meta nfproto ipv4", FATE_DROPPED },
        { "meta protocol ip6", FATE_ACCEPTED },
        { "meta l4proto { tcp, udp }", FATE_DROPPED },
        { "tcp dport 53", FATE_ACCEPTED },
        { "udp dport 53", FATE_DROPPED },
        { "udp dport != 53", FATE_ACCEPTED },
        { "udp dport 50-60", FATE_DROPPED },
        { "udp dport != 50-60", FATE_ACCEPTED },
        { "udp dport { 1, 50-60 }", FATE_DROPPED },
        { "udp dport { 1, 60-70 }", FATE_ACCEPTED },
        { "udp dport { 1, 40-52 }", FATE_ACCEPTED },
        { "udp dport != { 1, 50-60 }", FATE_ACCEPTED },
        { "udp dport != { 1, 60-70 }", FATE_DROPPED },
        { "udp dport > 53", FATE_ACCEPTED },
        { "udp dport >= 53", FATE_DROPPED },
        { "udp dport < 54", FATE_DROPPED },
        { "udp sport 53", FATE_UNDECIDED },
        { "udp sport 1024-65535", FATE_UNDECIDED },
        { "udp sport 0-65535", FATE_DROPPED },
        { "ip saddr 10.0.0.0/8", FATE_DROPPED },
        { "ip saddr != 10.1.0.0/20", FATE_ACCEPTED },
        { "ip saddr 10.1.2.0/26", FATE_UNDECIDED },
        { "ip saddr 10.1.3.0/24", FATE_ACCEPTED },
        { "ip saddr 10.1.2.0-10.1.2.255", FATE_DROPPED },
        { "ip saddr { 10.1.2.0/25, 192.168.0.0/16 }", FATE_UNDECIDED },
        { "ip daddr { 10.1.2.1, 10.1.2.2 }", FATE_DROPPED },
        { "ip daddr . udp dport { 10.1.2.1 . 53, 10.1.2.1 . 54 }", FATE_DROPPED },
        { "ip daddr . udp dport { 10.1.2.1 . 54 }", FATE_ACCEPTED },
        { "ip saddr . udp dport { 10.1.2.0/24 . 50-60 }", FATE_DROPPED },
        { "ip saddr . udp dport { 10.1.2.0/24 . 60-70 }", FATE_ACCEPTED },
        { "ip6 daddr ::1", FATE_ACCEPTED },
        { "ip frag-off & 0x1fff != 0", FATE_ACCEPTED },
        { "ip ttl 1", FATE_UNDECIDED },
        { "ct state new", FATE_DROPPED },
        { "ct state established,related", FATE_ACCEPTED },
        { "ct state invalid", FATE_ACCEPTED },
        { "ct status dnat", FATE_ACCEPTED },
        { "ct direction original", FATE_DROPPED },
        { "ct mark 1", FATE_UNDECIDED },
        { "meta mark 1", FATE_UNDECIDED },
        { "meta pkttype broadcast", FATE_ACCEPTED },
        { "fib daddr type local", FATE_DROPPED },
        { "fib daddr type { broadcast, multicast }", FATE_ACCEPTED },
        { "fib saddr . iif oif missing", FATE_UNDECIDED },
        { "limit rate 1/second", FATE_UNDECIDED },
        { "counter log prefix \"x\"", FATE_DROPPED },
        { "exthdr frag exists", FATE_ACCEPTED },
        { "icmp type echo-request", FATE_ACCEPTED },
};

static void conditions_of_nft_apply_may_apply_or_do_not(void **state) {
        const Packet packet = question();

        world_run("ip link add br0 type bridge");
        for (size_t i = 0; i < ELEMENTS(of_nft); i++) {
                Packet now = packet;
                FateOutcome outcome;

                now.in.ifindex = world_ifindex("br0");
                world_run("nft 'add table inet t; delete table inet t; add table inet t; add chain "
                          "inet t c { type filter hook input priority 0; policy accept; }; "
                          "add rule inet t c %s drop'",
                                of_nft[i].conditions);
                outcome = outcome_of(&now);
                if (outcome != of_nft[i].outcome)
                        fail_msg("\"%s\": %d, not %d", of_nft[i].conditions, outcome,
                                        of_nft[i].outcome);
        }
}

static const struct {
        const char *conditions;
        FateOutcome outcome;
} of_iptables[] = {
        { "-i br+", FATE_DROPPED },
        { "! -i br0", FATE_ACCEPTED },
        { "-p udp --dport 53", FATE_DROPPED },
        { "-p udp ! --dport 53", FATE_ACCEPTED },
        { "-p udp --dport 40:60", FATE_DROPPED },
        { "-p udp --sport 53", FATE_UNDECIDED },
        { "-p tcp --syn", FATE_ACCEPTED },
        { "-p udp -m multiport --dports 1,50:60", FATE_DROPPED },
        { "-p udp -m multiport ! --dports 1,50:60", FATE_ACCEPTED },
        { "-p udp -m multiport --ports 53,54", FATE_DROPPED },
        { "-p udp -m multiport --sports 53", FATE_UNDECIDED },
        { "-s 10.1.2.0/24 -d 10.1.2.1", FATE_DROPPED },
        { "-s 10.1.2.128/25", FATE_UNDECIDED },
        { "-m conntrack --ctstate NEW", FATE_DROPPED },
        { "-m conntrack ! --ctstate RELATED,ESTABLISHED", FATE_DROPPED },
        { "-m conntrack --ctstate DNAT", FATE_ACCEPTED },
        { "-m conntrack --ctdir REPLY", FATE_ACCEPTED },
        { "-m conntrack --ctorigdst 10.0.0.0/8", FATE_UNDECIDED },
        { "-m conntrack --ctstatus ASSURED", FATE_UNDECIDED },
        { "-m conntrack ! --ctstatus ASSURED", FATE_UNDECIDED },
        { "-m physdev --physdev-is-bridged", FATE_ACCEPTED },
        { "-m physdev ! --physdev-is-bridged", FATE_DROPPED },
        { "-m state --state NEW", FATE_DROPPED },
        { "-m addrtype --dst-type LOCAL", FATE_DROPPED },
        { "-m addrtype ! --dst-type LOCAL", FATE_ACCEPTED },
        { "-m addrtype --dst-type BROADCAST", FATE_ACCEPTED },
        { "-m comment --comment x", FATE_DROPPED },
        { "-m mark --mark 1", FATE_UNDECIDED },
        { "-m limit --limit 1/s", FATE_UNDECIDED },
        { "-p icmp --icmp-type 8", FATE_ACCEPTED },
};

static void conditions_of_iptables_apply_may_apply_or_do_not(void **state) {
        Packet packet;

        world_run("ip link add br0 type bridge");
        packet = question();
        for (size_t i = 0; i < ELEMENTS(of_iptables); i++) {
                FateOutcome outcome;

                world_run("iptables-nft -F INPUT; iptables-nft -A INPUT %s -j DROP",
                                of_iptables[i].conditions);
                outcome = outcome_of(&packet);
                if (outcome != of_iptables[i].outcome)
                        fail_msg("\"%s\": %d, not %d", of_iptables[i].conditions, outcome,
                                        of_iptables[i].outcome);
        }
}

static const struct {
        const char *chains; /* between which and the end there is a drop */
        FateOutcome outcome;
} ways[] = {
        { "chain a { return; }; chain c { type filter hook input priority 0; jump a; drop; }",
                        FATE_DROPPED },
        { "chain a { return; }; chain c { type filter hook input priority 0; goto a; drop; }",
                        FATE_ACCEPTED },
        { "chain a { }; chain b { goto a; drop; }; chain c { type filter hook input priority 0; "
          "jump b; drop; }",
                        FATE_DROPPED },
        { "chain a { accept; }; chain c { type filter hook input priority 0; jump a; drop; }",
                        FATE_ACCEPTED },
        { "chain a { mark 1 accept; }; chain c { type filter hook input priority 0; jump a; drop; "
          "}",
                        FATE_UNDECIDED },
        { "chain a { mark 1 drop; mark 2 reject; drop; }; chain c { type filter hook input "
          "priority "
          "0; jump a; }",
                        FATE_DROPPED },
        { "chain c { type filter hook input priority 0; accept; }; chain d { type filter hook "
          "input "
          "priority 1; reject; }",
                        FATE_DROPPED },
        { "chain c { type filter hook input priority 0; policy drop; udp dport vmap { 53 : accept, "
          "54 : drop }; }",
                        FATE_ACCEPTED },
        { "chain c { type filter hook input priority 0; udp dport vmap { 1-60 : drop }; }",
                        FATE_DROPPED },
        { "chain c { type filter hook input priority 0; iifname vmap { lo : accept, br0 : jump a "
          "}; "
          "}; chain a { reject; }",
                        FATE_DROPPED },
        { "chain c { type filter hook input priority 0; meta mark vmap { 1 : drop }; }",
                        FATE_UNDECIDED },
        { "set s { type ipv4_addr; flags dynamic, timeout; }; chain c { type filter hook input "
          "priority 0; ip saddr @s drop; }",
                        FATE_UNDECIDED },
        { "set s { type ipv4_addr; flags interval; }; chain c { type filter hook input priority 0; "
          "ip saddr @s drop; }",
                        FATE_ACCEPTED },
        { "set s { type ipv4_addr; flags interval, timeout; elements = { 10.1.2.0/24 timeout 1h }; "
          "}; chain "
          "c { type filter hook input priority 0; ip saddr @s drop; }",
                        FATE_UNDECIDED },
        /* The timeout is reported for the set, not for its elements. */
        { "set s { type ipv4_addr; flags interval; timeout 1h; elements = { 10.1.2.0/24 }; }; "
          "chain c { type filter hook input priority 0; ip saddr @s drop; }",
                        FATE_UNDECIDED },
        { "quota q { over 1 mbytes }; chain c { type filter hook input priority 0; quota name "
          "\"q\" drop; }",
                        FATE_UNDECIDED },
        { "chain c { type filter hook forward priority 0; policy drop; }", FATE_ACCEPTED },
};

static void jumps_maps_and_chains_are_followed(void **state) {
        Packet packet;

        world_run("ip link add br0 type bridge");
        packet = question();
        for (size_t i = 0; i < ELEMENTS(ways); i++) {
                FateOutcome outcome;

                world_run("nft 'add table inet t; delete table inet t; table inet t { %s; }'",
                                ways[i].chains);
                outcome = outcome_of(&packet);
                if (outcome != ways[i].outcome)
                        fail_msg("\"%s\": %d, not %d", ways[i].chains, outcome, ways[i].outcome);
        }
}

/* A guest's first request for an address. */
static void what_is_for_all_is_not_for_the_host_alone(void **state) {
        const struct in_addr everybody = { INADDR_BROADCAST };
        Packet packet;

        world_run("ip link add br0 type bridge");
        packet = question();
        packet_set_target(&packet, &everybody, 32);
        packet.is_broadcast = true;
        world_run("nft 'table inet t { chain c { type filter hook input priority 0; fib daddr type "
                  "broadcast drop; }; }'");
        assert_int_equal(outcome_of(&packet), FATE_DROPPED);
        world_run("nft 'flush chain inet t c; add rule inet t c fib daddr type local drop'");
        assert_int_equal(outcome_of(&packet), FATE_ACCEPTED);
}

static void the_chain_that_comes_first_is_named(void **state) {
        _cleanup_(ruleset_freep) Ruleset *ruleset = NULL;
        Packet packet;
        Fate fate;

        world_run("ip link add br0 type bridge");
        packet = question();
        world_run("nft 'table inet t { chain late { type filter hook input priority 10; drop; }; "
                  "chain early { type filter hook input priority -10; drop; }; }'");
        assert_ok(ruleset_read(&ruleset, "vnicd-", NULL));
        fate = packet_fate(ruleset, &packet);
        assert_int_equal(fate.outcome, FATE_DROPPED);
        assert_non_null(strstr(fate.chain, "early"));
}

static void an_answer_belongs_to_a_connection(void **state) {
        Packet packet;

        world_run("ip link add br0 type bridge");
        packet = answer();
        world_run("iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -m conntrack "
                  "--ctstate RELATED,ESTABLISHED -j ACCEPT");
        assert_int_equal(outcome_of(&packet), FATE_ACCEPTED);
        world_run("nft 'table inet t { chain c { type filter hook forward priority 0; policy drop; "
                  "ct state vmap { established : accept, invalid : drop }; }; }'");
        assert_int_equal(outcome_of(&packet), FATE_ACCEPTED);
        packet_set_turn(&packet, PACKET_FIRST);
        assert_int_equal(outcome_of(&packet), FATE_DROPPED);
}

static const struct {
        const char *conditions;
        FateOutcome outcomes[PACKET_TURN_MAX];
} of_flags[] = {
        { "-p tcp --syn", { FATE_DROPPED, FATE_ACCEPTED, FATE_ACCEPTED } },
        { "-p tcp ! --syn", { FATE_ACCEPTED, FATE_DROPPED, FATE_DROPPED } },
        { "-p tcp --tcp-flags SYN,ACK SYN,ACK", { FATE_ACCEPTED, FATE_DROPPED, FATE_ACCEPTED } },
        { "-p tcp --tcp-flags SYN,ACK ACK", { FATE_ACCEPTED, FATE_ACCEPTED, FATE_DROPPED } },
        { "-p tcp --tcp-flags FIN,RST RST", { FATE_ACCEPTED, FATE_ACCEPTED, FATE_ACCEPTED } },
        { "-p tcp --tcp-flags PSH PSH", { FATE_ACCEPTED, FATE_ACCEPTED, FATE_UNDECIDED } },
};

static void a_packet_of_tcp_has_the_flags_of_its_turn(void **state) {
        for (size_t i = 0; i < ELEMENTS(of_flags); i++) {
                world_run("iptables-nft -F FORWARD; iptables-nft -A FORWARD %s -j DROP",
                                of_flags[i].conditions);
                for (PacketTurn turn = 0; turn < PACKET_TURN_MAX; turn++) {
                        FateOutcome outcome;
                        Packet packet;

                        packet_init(&packet, PACKET_FORWARD, AF_INET, IPPROTO_TCP);
                        packet_set_turn(&packet, turn);
                        outcome = outcome_of(&packet);
                        if (outcome != of_flags[i].outcomes[turn])
                                fail_msg("\"%s\", turn %d: %d", of_flags[i].conditions, turn,
                                                outcome);
                }
        }
}

static void our_own_tables_are_nobody_elses(void **state) {
        Packet packet;

        world_run("ip link add br0 type bridge");
        packet = question();
        world_run("nft 'table inet vnicd-net0 { chain c { type filter hook input priority 0; "
                  "policy "
                  "drop; }; }'");
        assert_int_equal(outcome_of(&packet), FATE_ACCEPTED);
}

#define CASE(name) cmocka_unit_test_setup(name, world_enter)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(conditions_of_nft_apply_may_apply_or_do_not),
                CASE(conditions_of_iptables_apply_may_apply_or_do_not),
                CASE(jumps_maps_and_chains_are_followed),
                CASE(what_is_for_all_is_not_for_the_host_alone),
                CASE(the_chain_that_comes_first_is_named),
                CASE(an_answer_belongs_to_a_connection),
                CASE(a_packet_of_tcp_has_the_flags_of_its_turn),
                CASE(our_own_tables_are_nobody_elses),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        if (access("/usr/sbin/iptables-nft", X_OK) < 0) {
                puts("1..0 # SKIP there is no iptables-nft");
                return WORLD_SKIPPED;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
