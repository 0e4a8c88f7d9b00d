/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The digest of a table: the same after the same table was created again, and another after any
 * change. nft(8) makes the changes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "kernel/filter-digest.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(Netlink, netlink_close)

#define _cleanup_netlink_ _cleanup_(netlink_closep)

/* A line each: sets, and chains of which one is a base chain. */
#define RULES                                                                                      \
        "table inet vnicd-x {\n"                                                                   \
        "set near { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.0/24 "   \
        "}; }\n"                                                                                   \
        "set macs { type ether_addr; elements = { 02:00:00:00:00:01, 02:00:00:00:00:02 }; }\n"     \
        "set seen { type ipv4_addr; flags dynamic,timeout; size 100; timeout 1m; }\n"              \
        "chain other {\ntcp dport { 53, 80 } accept\ndrop\n}\n"                                    \
        "chain input {\ntype filter hook input priority 5; policy accept;\n"                       \
        "ip saddr @near jump other\nether saddr @macs drop\n"                                      \
        "ip protocol 253 counter accept\nupdate @seen { ip saddr limit rate 1/second } "           \
        "accept\n}\n}\n"

static Netlink *open_netlink(void) {
        Netlink *netlink;

        assert_int_equal(netlink_open(&netlink, NETLINK_NETFILTER), 0);
        return netlink;
}

static uint64_t digest(Netlink *netlink) {
        const FilterTable table = { FILTER_FAMILY_INET, "vnicd-x" };
        uint64_t ret;

        assert_int_equal(filter_digest(netlink, &table, &ret), 0);
        assert_true(ret != 0);
        return ret;
}

static void make(void) {
        world_run("nft '%s'", RULES);
}

static void what_was_made_again_is_the_same(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        uint64_t first;

        make();
        first = digest(netlink);
        assert_true(digest(netlink) == first);
        for (int i = 0; i < 5; i++) {
                world_run("nft 'add table inet other%d; flush ruleset'", i);
                make();
                world_run("nft 'add table inet other%d; add table ip vnicd-x'", i);
                assert_true(digest(netlink) == first);
        }
}

/* Each is applied to an unchanged table. */
static void any_change_makes_it_another(void **state) {
        static const char *const changes[] = {
                "insert rule inet vnicd-x input accept",
                "add rule inet vnicd-x other accept",
                "delete rule inet vnicd-x input handle $(nft -a list table inet vnicd-x | sed -n "
                "\"s/.*@macs drop # handle //p\")",
                "replace rule inet vnicd-x input handle $(nft -a list table inet vnicd-x | sed -n "
                "\"s/.*@macs drop # handle //p\") ether saddr @macs accept",
                "flush chain inet vnicd-x input",
                "flush chain inet vnicd-x other",
                "flush table inet vnicd-x",
                "\"flush chain inet vnicd-x input; delete chain inet vnicd-x input\"",
                "\"add chain inet vnicd-x input { policy drop; }\"",
                "add chain inet vnicd-x more",
                "\"add chain inet vnicd-x more { type filter hook input priority 9; policy drop; "
                "}\"",
                "\"add table inet vnicd-x { flags dormant; }\"",
                "\"delete element inet vnicd-x macs { 02:00:00:00:00:02 }\"",
                "\"add element inet vnicd-x macs { 02:00:00:00:00:03 }\"",
                "\"delete element inet vnicd-x near { 192.0.2.0/24 }\"",
                "\"add element inet vnicd-x near { 203.0.113.0/24 }\"",
                "\"delete element inet vnicd-x macs { 02:00:00:00:00:02 }; "
                "add element inet vnicd-x macs { 02:00:00:00:00:03 }\"",
                "\"delete element inet vnicd-x near { 192.0.2.0/24 }; "
                "add element inet vnicd-x near { 203.0.113.0/24 }\"",
                "flush set inet vnicd-x near",
                "\"add set inet vnicd-x more { type ipv4_addr; }\"",
                "add counter inet vnicd-x more",
                "\"rename chain inet vnicd-x other another\"",
        };
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        uint64_t first;

        make();
        first = digest(netlink);
        for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
                world_run("nft %s", changes[i]);
                if (digest(netlink) == first)
                        fail_msg("unseen: %s", changes[i]);
                world_run("nft flush ruleset");
                make();
                assert_true(digest(netlink) == first);
        }
}

/* It is sent over the loopback, so the filter has seen it when sending returns. */
static void send_packet(void) {
        const struct sockaddr_in there = {
                .sin_family = AF_INET,
                .sin_port = htons(9),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&there, sizeof(there)), 1);
}

/* Packets that are counted, and addresses that are remembered. */
static void what_packets_do_does_not_count(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        uint64_t first;

        make();
        first = digest(netlink);
        world_run("ip link set lo up");
        send_packet();
        assert_true(strstr(world_read("nft list set inet vnicd-x seen"), "127.0.0.1"));
        assert_true(digest(netlink) == first);
        world_run("nft 'add element inet vnicd-x seen { 192.0.2.77 }'");
        assert_true(digest(netlink) == first);
}

static void a_table_that_is_not_there_is_told(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        const FilterTable table = { FILTER_FAMILY_BRIDGE, "vnicd-x" };
        uint64_t ret = 5;

        make(); /* of another family */
        assert_int_equal(filter_digest(netlink, &table, &ret), -ENOENT);
        assert_true(ret == 0);
}

static uint64_t least_time(Netlink *netlink) {
        uint64_t least = UINT64_MAX;

        for (int i = 0; i < 50; i++) {
                const uint64_t begun = clock_now_usec();
                uint64_t took;

                (void)digest(netlink);
                took = clock_now_usec() - begun;
                least = took < least ? took : least;
        }
        return least;
}

/* 10,000 foreign rules, in tables and chains of the same family. */
static void it_does_not_cost_more_beside_the_rules_of_others(void **state) {
        world_needs_the_hosts_root();
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        uint64_t alone, beside;

        make();
        alone = least_time(netlink);
        world_run("(for c in $(seq 100); do echo \"table inet other$((c %% 10)) { chain c$c {\"; "
                  "seq -f 'tcp dport %%.0f drop' 100; echo '}'; echo '}'; done) | nft -f -");
        assert_string_equal(
                        world_read("nft list ruleset | grep -c 'tcp dport [0-9]* drop'"), "10000");
        beside = least_time(netlink);
        print_message("# %u us alone, %u us beside 10,000 rules\n", (unsigned)alone,
                        (unsigned)beside);
        assert_true(beside < 2 * alone + 100);
}

#define CASE(name) cmocka_unit_test_setup(name, world_enter)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(what_was_made_again_is_the_same),
                CASE(any_change_makes_it_another),
                CASE(what_packets_do_does_not_count),
                CASE(a_table_that_is_not_there_is_told),
                CASE(it_does_not_cost_more_beside_the_rules_of_others),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
