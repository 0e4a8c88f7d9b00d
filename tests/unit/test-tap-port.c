/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The intended settings of a tap's link: they are the same for a new one and for an adopted
 * one. */
#include "kernel/bridge.h"
#include "networks/group.h"
#include "taps/tap-filter.h"
#include "taps/tap-port.h"
#include "testing.h"

static void a_new_tap_is_in_the_group_of_its_kind(void **state) {
        static const struct {
                TapPortRequest request;
                uint32_t group;
                uint16_t mask;
        } cases[] = {
                { { .network = 7, .bridged = true }, 0x76000007, BRIDGE_GROUP_FWD_ALL },
                { { .network = 7, .bridged = true, .sources = TAP_SOURCES_AWAITED }, 0x74000007,
                                BRIDGE_GROUP_FWD_ALL },
                { { .network = 7, .bridged = true, .sources = TAP_SOURCES_UNTOLD }, 0x72000007,
                                BRIDGE_GROUP_FWD_ALL },
                { { .bridged = true }, 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { { .bridged = false }, 0x77000000, 0 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                TapPort port = tap_port_for_request(&cases[i].request, TAP_FILTER_ALL);

                assert_int_equal(port.group, cases[i].group);
                assert_int_equal(port.port.group_fwd_mask, cases[i].mask);
                port = tap_port_for_request(&cases[i].request, TAP_FILTER_LOST);
                assert_int_equal(port.group, cases[i].group);
                assert_int_equal(port.port.group_fwd_mask, 0);
        }
}

static void its_flags_are_what_was_asked_for(void **state) {
        const TapPortRequest tied = { .bridged = true, .anti_spoof = true, .isolated = true };
        const TapPortRequest open = { .bridged = true };
        const LinkPort first = tap_port_for_request(&tied, TAP_FILTER_ALL).port;
        const LinkPort second = tap_port_for_request(&open, TAP_FILTER_ALL).port;

        assert_true(first.locked && first.isolated && !first.learning);
        assert_true(!second.locked && !second.isolated && second.learning);
}

static void every_port_of_a_guest_has_root_block(void **state) {
        const TapPortRequest request = { .bridged = true };
        const LinkInfo older = { .group = TAP_GROUP_BRIDGED, .master = 3, .is_bridge_port = true };
        const Tag tag = { .bridge = "br0" };

        assert_true(tap_port_for_request(&request, TAP_FILTER_ALL).port.root_block);
        assert_true(tap_port_for_request(&request, 0).port.root_block);
        assert_true(tap_port_for_tag(&tag, &older, 0, TAP_FILTER_ALL).port.root_block);
}

/* The filter drops what is forwarded, so that the guard would never see it. */
static void a_guard_gets_the_bpdus_that_the_filter_would_drop(void **state) {
        const TapPortRequest request = { .bridged = true, .bpdu_guard = true };
        const LinkPort made = tap_port_for_request(&request, TAP_FILTER_ALL).port;
        const LinkInfo link = {
                .group = TAP_GROUP_BRIDGED,
                .master = 3,
                .is_bridge_port = true,
                .port = made,
        };
        const Tag tag = { .bpdu_guard = true, .bridge = "br0" };

        assert_true(made.bpdu_guard);
        assert_int_equal(made.group_fwd_mask, BRIDGE_GROUP_FWD_ALL & ~BRIDGE_GROUP_FWD_STP);
        assert_int_equal(tap_port_for_tag(&tag, &link, 0, TAP_FILTER_ALL).port.group_fwd_mask,
                        made.group_fwd_mask);
        assert_true(tap_port_for_tag(&tag, &link, 0, TAP_FILTER_ALL).port.bpdu_guard);
        assert_false(tap_port_for_request(&(TapPortRequest){ .bridged = true }, TAP_FILTER_ALL)
                                        .port.bpdu_guard);
}

/* Whatever the link has: an administrator's group, an older version's, or none. */
static void one_that_is_found_is_to_be_as_its_tag_says(void **state) {
        static const struct {
                uint32_t found;
                int network;
                const char *bridge;
                uint32_t wanted;
                uint16_t mask;
                MacState mac;
        } cases[] = {
                { 0, 0, "br0", 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { 0, 0, "", 0x77000000, 0 },
                { 0x76000000, 0, "br0", 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { 0x70000000, 0, "br0", 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { 0x76000000, 0, "", 0x76000000,
                                BRIDGE_GROUP_FWD_ALL }, /* it has lost its bridge */
                { 0x76000003, 3, "net", 0x76000003, BRIDGE_GROUP_FWD_ALL },
                { 0, 3, "net", 0x76000003, BRIDGE_GROUP_FWD_ALL },
                { 0x74000003, 3, "net", 0x74000003, BRIDGE_GROUP_FWD_ALL, MAC_GENERATED },
                { 0x74000003, 3, "net", 0x76000003, BRIDGE_GROUP_FWD_ALL, MAC_TOLD },
                { 0x74000003, 3, "net", 0x76000003, BRIDGE_GROUP_FWD_ALL, MAC_GIVEN },
                { 0x76000003, 3, "net", 0x76000003, BRIDGE_GROUP_FWD_ALL, MAC_GENERATED },
                { 0x72000003, 3, "net", 0x72000003, BRIDGE_GROUP_FWD_ALL, MAC_TOLD },
                { 0x70000003, 3, "net", 0x74000003, BRIDGE_GROUP_FWD_ALL, MAC_GENERATED },
                { 0x70000003, 3, "net", 0x76000003, BRIDGE_GROUP_FWD_ALL, MAC_TOLD },
                { 0x76000004, 3, "net", 0x74000003, BRIDGE_GROUP_FWD_ALL, MAC_GENERATED },
                { 0x77000000, 0, "", 0x77000000, 0 },
                { 0x77000000, 0, "br0", 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { 42, 0, "br0", 0x76000000, BRIDGE_GROUP_FWD_ALL },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                const LinkInfo link = { .group = cases[i].found };
                Tag tag = { .anti_spoof = true, .isolated = true, .mac_state = cases[i].mac };
                TapPort port;

                strcpy(tag.bridge, cases[i].bridge);
                port = tap_port_for_tag(&tag, &link, cases[i].network, TAP_FILTER_ALL);
                assert_int_equal(port.group, cases[i].wanted);
                assert_int_equal(port.port.group_fwd_mask, cases[i].mask);
                assert_true(port.port.locked && port.port.isolated && !port.port.learning);
        }
}

static void groups_tell_who_is_held_and_for_which_network(void **state) {
        assert_true(group_is_held(TAP_GROUP_HELD) && group_is_held(TAP_GROUP_TAKEN_OFF));
        assert_true(group_is_held(held_tap_group(7)));
        assert_false(group_is_held(TAP_GROUP_BRIDGED) || group_is_held(network_tap_group(7)));
        assert_false(group_is_held(NETWORK_GROUP) || group_is_held(TAP_GROUP_UNBRIDGED));
        assert_true(group_is_of_bridged_tap(TAP_GROUP_TAKEN_OFF));
        assert_true(group_is_of_bridged_tap(held_tap_group(7)));
        assert_false(group_is_of_bridged_tap(TAP_GROUP_UNBRIDGED));
        assert_int_equal(network_of_tap_group(held_tap_group(7)), 7);
        assert_int_equal(network_of_tap_group(network_tap_group(7)), 7);
        assert_int_equal(network_of_tap_group(TAP_GROUP_TAKEN_OFF), 0);
        assert_int_equal(network_of_tap_group(TAP_GROUP_HELD), 0);
        assert_int_equal(network_of_tap_group(NETWORK_GROUP), 0);
}

static void without_the_filter_nothing_reserved_is_forwarded(void **state) {
        const LinkInfo link = { .port = { .group_fwd_mask = BRIDGE_GROUP_FWD_ALL } };
        const Tag tag = { .bridge = "br0" };

        assert_int_equal(tap_port_for_tag(&tag, &link, 0, 0).port.group_fwd_mask, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_tap_is_in_the_group_of_its_kind),
                cmocka_unit_test(its_flags_are_what_was_asked_for),
                cmocka_unit_test(every_port_of_a_guest_has_root_block),
                cmocka_unit_test(a_guard_gets_the_bpdus_that_the_filter_would_drop),
                cmocka_unit_test(one_that_is_found_is_to_be_as_its_tag_says),
                cmocka_unit_test(groups_tell_who_is_held_and_for_which_network),
                cmocka_unit_test(without_the_filter_nothing_reserved_is_forwarded),
        };

        return cmocka_run_group_tests_name("tap-port", tests, NULL, NULL);
}
