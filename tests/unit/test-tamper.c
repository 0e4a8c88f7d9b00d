/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions on what a holder did, with a clock that the test controls. */
#include <string.h>

#include "taps/tamper.h"
#include "testing.h"

#define SEC UINT64_C(1000000)

static const Tag tag = {
        .uid = 1000,
        .queues = 2,
        .guest_mac = { { 0x52, 0x54, 0, 0, 0, 1 } },
};

static LinkInfo honest(void) {
        return (LinkInfo){
                .mac = { { 0xfe, 0x54, 0, 0, 0, 1 } },
                .tun = { .tap = true, .multiqueue = true, .queues = 2 },
        };
}

static TamperAction judge_once(const Tag *of, const LinkInfo *link) {
        TamperState tamper = { 0 };
        const char *why = NULL;
        TamperAction verdict = tamper_check(&tamper, of, link, 100 * SEC, &why);

        assert_int_equal(verdict == TAMPER_ACTION_FINE, why == NULL);
        return verdict;
}

static void as_it_was_made_it_is_fine(void **state) {
        LinkInfo link = honest();

        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_FINE);
        link.tun.queues = 0; /* being removed */
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_FINE);
}

static void detached_queues_count_as_queues(void **state) {
        LinkInfo link = honest();

        link.tun.queues = 1;
        link.tun.queues_disabled = 1;
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_FINE);
        link.tun.queues_disabled = 2;
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_TAMPERED);
        link.tun.queues_disabled = UINT32_MAX; /* must not wrap */
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_TAMPERED);
}

static void persistent_against_its_kind_it_may_live_until_its_last_queue_goes(void **state) {
        LinkInfo link = honest();

        link.tun.persistent = true;
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_FINE);
        link.tun.queues = 0;
        link.tun.queues_disabled = 1;
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_FINE);
        link.tun.queues_disabled = 0;
        assert_int_equal(judge_once(&tag, &link), TAMPER_ACTION_LEFT_BEHIND);
}

static void one_that_is_meant_to_be_persistent_may_be_idle(void **state) {
        LinkInfo link = honest();
        Tag persistent = tag;

        persistent.persistent = true;
        link.tun.persistent = true;
        link.tun.queues = 0;
        assert_int_equal(judge_once(&persistent, &link), TAMPER_ACTION_FINE);
        link.tun.queues = 3;
        assert_int_equal(judge_once(&persistent, &link), TAMPER_ACTION_TAMPERED);
}

static void a_changed_mac_is_forgiven_once_a_minute(void **state) {
        LinkInfo link = honest();
        TamperState tamper = { 0 };
        const char *why;

        link.mac.ether_addr_octet[5] = 9;
        assert_int_equal(tamper_check(&tamper, &tag, &link, 100 * SEC, &why),
                        TAMPER_ACTION_RESTORE_MAC);
        assert_int_equal(tamper_check(&tamper, &tag, &link, 160 * SEC, &why),
                        TAMPER_ACTION_RESTORE_MAC);
        assert_int_equal(tamper_check(&tamper, &tag, &link, 220 * SEC - 1, &why),
                        TAMPER_ACTION_TAMPERED);
}

static void two_thousand_events_at_once_and_a_hundred_a_second_are_borne(void **state) {
        TamperState tamper = { 0 };
        uint64_t now = 100 * SEC;

        for (int i = 0; i < 2000; i++)
                assert_false(tamper_count_event(&tamper, now));
        for (int i = 0; i < 1000; i++)
                assert_false(tamper_count_event(&tamper, now += SEC / 100));
        assert_true(tamper_count_event(&tamper, now));
}

static void events_of_long_ago_are_forgotten(void **state) {
        TamperState tamper = { 0 };

        for (int i = 0; i < 2000; i++)
                assert_false(tamper_count_event(&tamper, 100 * SEC));
        for (int i = 0; i < 2000; i++)
                assert_false(tamper_count_event(&tamper, 121 * SEC));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_it_was_made_it_is_fine),
                cmocka_unit_test(detached_queues_count_as_queues),
                cmocka_unit_test(persistent_against_its_kind_it_may_live_until_its_last_queue_goes),
                cmocka_unit_test(one_that_is_meant_to_be_persistent_may_be_idle),
                cmocka_unit_test(a_changed_mac_is_forgiven_once_a_minute),
                cmocka_unit_test(two_thousand_events_at_once_and_a_hundred_a_second_are_borne),
                cmocka_unit_test(events_of_long_ago_are_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
