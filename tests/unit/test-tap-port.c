/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a tap's link should have: the same for one that is made and for one that is found. */
#include "kernel/bridge.h"
#include "model/group.h"
#include "model/tap-filter.h"
#include "model/tap-port.h"
#include "testing.h"

static void a_new_tap_is_in_the_group_of_its_kind(void **state) {
        static const struct {
                TapPortRequest request;
                uint32_t group;
                uint16_t mask;
        } cases[] = {
                { { .network = 7, .bridged = true }, 0x76000007, BRIDGE_GROUP_FWD_ALL },
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

        assert_true(tap_port_for_request(&request, TAP_FILTER_ALL).port.root_block);
        assert_true(tap_port_for_request(&request, 0).port.root_block);
        assert_true(tap_port_for_link(&older, TAP_FILTER_ALL).port.root_block);
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

        assert_true(made.bpdu_guard);
        assert_int_equal(made.group_fwd_mask, BRIDGE_GROUP_FWD_ALL & ~BRIDGE_GROUP_FWD_STP);
        assert_int_equal(tap_port_for_link(&link, TAP_FILTER_ALL).port.group_fwd_mask,
                        made.group_fwd_mask);
        assert_true(tap_port_for_link(&link, TAP_FILTER_ALL).port.bpdu_guard);
        assert_false(tap_port_for_request(&(TapPortRequest){ .bridged = true }, TAP_FILTER_ALL)
                                        .port.bpdu_guard);
}

static void one_that_is_found_is_brought_up_to_date(void **state) {
        static const struct {
                uint32_t group;
                bool on_bridge;
                uint32_t wanted;
                uint16_t mask;
        } cases[] = {
                { 0, 3, 0x76000000, BRIDGE_GROUP_FWD_ALL }, /* an older version's */
                { 0, 0, 0x77000000, 0 },
                { 0x76000000, 3, 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { 0x76000000, 0, 0x76000000, BRIDGE_GROUP_FWD_ALL }, /* it has lost its bridge */
                { 0x76000003, 3, 0x76000003, BRIDGE_GROUP_FWD_ALL }, /* a network's */
                { 0x77000000, 0, 0x77000000, 0 },
                { 0x77000000, 3, 0x76000000, BRIDGE_GROUP_FWD_ALL },
                { 42, 3, 42, 0 }, /* an administrator's choice */
                { NETWORK_GROUP, 3, NETWORK_GROUP, 0 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                const LinkInfo link = {
                        .group = cases[i].group,
                        .master = 3, /* of whatever kind */
                        .is_bridge_port = cases[i].on_bridge,
                        .port = { .locked = true, .isolated = true },
                };
                const TapPort port = tap_port_for_link(&link, TAP_FILTER_ALL);

                assert_int_equal(port.group, cases[i].wanted);
                assert_int_equal(port.port.group_fwd_mask, cases[i].mask);
                assert_true(port.port.locked && port.port.isolated && !port.port.learning);
        }
}

static void without_the_filter_nothing_reserved_is_forwarded(void **state) {
        const LinkInfo link = {
                .group = TAP_GROUP_BRIDGED,
                .master = 3,
                .port = { .group_fwd_mask = BRIDGE_GROUP_FWD_ALL },
        };

        assert_int_equal(tap_port_for_link(&link, 0).port.group_fwd_mask, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_tap_is_in_the_group_of_its_kind),
                cmocka_unit_test(its_flags_are_what_was_asked_for),
                cmocka_unit_test(every_port_of_a_guest_has_root_block),
                cmocka_unit_test(a_guard_gets_the_bpdus_that_the_filter_would_drop),
                cmocka_unit_test(one_that_is_found_is_brought_up_to_date),
                cmocka_unit_test(without_the_filter_nothing_reserved_is_forwarded),
        };

        return cmocka_run_group_tests_name("tap-port", tests, NULL, NULL);
}
