/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "networks/network-tag.h"
#include "testing.h"

#define USUAL                                                                                      \
        "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 v4=10.70.3.1/24 "            \
        "v6=fd70:3::1/64 ports=1023 each=1023 domain=vnicbr0.internal guard=1 fwd=2,3"

static LinkInfo bridge_with(const char *alias) {
        LinkInfo link = { .ifindex = 7, .kind = "bridge", .group = NETWORK_GROUP, .mtu = 1500 };

        strcpy(link.name, "vnicbr0");
        strcpy(link.alias, alias);
        return link;
}

static void a_tag_says_all_that_makes_the_network(void **state) {
        const LinkInfo link = bridge_with(USUAL);
        char again[NETWORK_TAG_SIZE];
        NetworkTag tag;

        assert_int_equal(network_tag_of_link(&link, &tag), 0);
        assert_string_equal(tag.plan.name, "vnicbr0");
        assert_int_equal(tag.plan.kind, NETWORK_NAT);
        assert_int_equal(tag.plan.mtu, 1500);
        assert_int_equal(tag.plan.v4_prefix, 24);
        assert_int_equal(tag.plan.v6_prefix, 64);
        assert_false(tag.kept);
        assert_true(tag.guard_v6);
        assert_false(tag.plan.guard_addresses);
        assert_int_equal(tag.uplinks.n, 2);
        assert_int_equal(tag.uplinks.ifindexes[1], 3);
        assert_string_equal(network_tag_format(&tag, again), USUAL);
}

static void the_longest_tag_fits_into_an_alias(void **state) {
        NetworkTag tag = {
                .plan = {
                        .name = "abcdefghijklmno",
                        .kind = NETWORK_ISOLATED,
                        .host_access = true,
                        .ports_max = 1023,
                        .ports_per_user = 1023,
                        .mtu = 1500,
                        .guard_addresses = true,
                        .domain = "abcdefghijklmnopqrstuvwxyzabcdef",
                },
                .uplinks = { { INT32_MAX, INT32_MAX - 1, INT32_MAX - 2, INT32_MAX - 3 }, 4 },
        };
        NetworkTag parsed;
        char text[NETWORK_TAG_SIZE];

        assert_int_equal(network_plan_add_address(&tag.plan, "192.168.100.201/24"), 0);
        assert_int_equal(network_plan_add_address(
                                         &tag.plan, "fd12:3456:789a:bcde:f012:3456:789a:bcde/64"),
                        0);
        network_tag_format(&tag, text);
        assert_true(strlen(text) < NETWORK_TAG_SIZE - 1);
        assert_int_equal(network_tag_parse(text, tag.plan.name, 1500, &parsed), 0);
        assert_int_equal(parsed.uplinks.n, 4);
        assert_true(parsed.plan.guard_addresses);
}

static void what_is_not_exactly_a_tag_is_none(void **state) {
        static const char *const wrong[] = { "", "vnicd-net:1", "vnicd:1 uid=0", USUAL " ",
                " " USUAL, USUAL ",", USUAL ",4,5,6", "x" USUAL, USUAL " own",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0 own=1",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0 own own",
                "vnicd-net:2 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=2 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=lan life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=0 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=0 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain= guard=0",
                "vnicd-net:1 life=config kind=nat dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0" };

        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                NetworkTag tag;

                if (network_tag_parse(wrong[i], "vnicbr0", 1500, &tag) != -EINVAL)
                        fail_msg("\"%s\" was taken", wrong[i]);
        }
}

static void a_bridge_is_ours_by_group_and_tag(void **state) {
        LinkInfo link = bridge_with(USUAL);
        NetworkTag tag;

        link.group = 0;
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
        link = bridge_with(USUAL);
        strcpy(link.kind, "veth");
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
        link = bridge_with("somebody's");
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
        link = bridge_with("");
        assert_int_equal(network_tag_of_link(&link, &tag), -EBADMSG);
        strcpy(link.kind, "dummy");
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
}

static void taps_have_the_group_of_their_bridge(void **state) {
        assert_int_equal(network_tap_group(7), 0x76000007);
        assert_int_equal(network_of_tap_group(0x76000007), 7);
        assert_int_equal(network_of_tap_group(network_tap_group(0x01000009)), 9);
        assert_int_equal(network_of_tap_group(NETWORK_GROUP), 0);
        assert_int_equal(network_of_tap_group(0), 0);
        assert_int_equal(network_of_tap_group(0x75000007), 0);
}

static void whichever_sources_are_told_the_bridge_is_the_same(void **state) {
        static const uint32_t groups[] = { 0x76000007, 0x74000007, 0x72000007 };
        static const TapSources sources[] = {
                TAP_SOURCES_WATCHED,
                TAP_SOURCES_AWAITED,
                TAP_SOURCES_UNTOLD,
        };

        for (size_t i = 0; i < ELEMENTS(groups); i++) {
                assert_int_equal(group_with_sources(0x76000007, sources[i]), groups[i]);
                assert_int_equal(group_with_sources(groups[i], TAP_SOURCES_WATCHED), 0x76000007);
                assert_int_equal(group_sources(groups[i]), sources[i]);
                assert_int_equal(network_of_tap_group(groups[i]), 7);
                assert_true(group_is_of_network(groups[i], 7));
                assert_false(group_is_of_network(groups[i], 8));
                assert_true(group_is_of_bridged_tap(groups[i]));
        }
        assert_false(group_is_of_network(0x77000007, 7));
        assert_false(group_is_of_network(0x12000007, 7));
        assert_false(group_is_of_network(NETWORK_GROUP, 0x6e6963));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tag_says_all_that_makes_the_network),
                cmocka_unit_test(the_longest_tag_fits_into_an_alias),
                cmocka_unit_test(what_is_not_exactly_a_tag_is_none),
                cmocka_unit_test(a_bridge_is_ours_by_group_and_tag),
                cmocka_unit_test(taps_have_the_group_of_their_bridge),
                cmocka_unit_test(whichever_sources_are_told_the_bridge_is_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
