/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The arguments of CreateTap: each default, each refusal, and that a refusal names the option that
 * it is about.
 */
#include <errno.h>

#include "kernel/offload.h"
#include "taps/tap-request.h"
#include "testing.h"

static void assert_refused(TapRequest request, FailureKind kind, const char *key) {
        Failure failure = FAILURE_INIT;

        assert_int_equal(tap_request_complete(&request, 4, &failure), -EINVAL);
        assert_int_equal(failure.kind, kind);
        if (!strstr(failure.text, key))
                fail_msg("\"%s\" does not name %s", failure.text, key);
}

static TapRequest completed(TapRequest request, unsigned cpus) {
        Failure failure = FAILURE_INIT;

        assert_int_equal(tap_request_complete(&request, cpus, &failure), 0);
        assert_int_equal(failure.kind, FAILURE_NONE);
        return request;
}

static void a_bridge_is_taken_by_its_name(void **state) {
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;

        assert_int_equal(tap_request_set_bridge(&request, "br0", &failure), 0);
        assert_string_equal(request.bridge, "br0");
        assert_int_equal(request.where, TAP_ON_BRIDGE);
        assert_int_equal(tap_request_set_bridge(&request, "abcdefghijklmno", &failure), 0);
        assert_string_equal(request.bridge, "abcdefghijklmno");
        assert_int_equal(failure.kind, FAILURE_NONE);
}

static void a_dash_is_no_bridge(void **state) {
        TapRequest request = TAP_REQUEST_INIT;

        assert_int_equal(tap_request_set_bridge(&request, "-", NULL), 0);
        assert_int_equal(request.where, TAP_ON_NOTHING);
        assert_string_equal(request.bridge, "");
}

static void an_empty_name_is_the_default_network_if_there_is_one(void **state) {
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;

        assert_int_equal(tap_request_set_bridge(&request, "", NULL), 0);
        assert_int_equal(request.where, TAP_ON_DEFAULT_NETWORK);
        assert_true(tap_request_set_default(&request, NULL, &failure) < 0);
        assert_int_equal(failure.kind, FAILURE_NO_SUCH_NETWORK);
        assert_int_equal(request.where, TAP_ON_DEFAULT_NETWORK);
        assert_int_equal(tap_request_set_default(&request, "vnicbr0", NULL), 0);
        assert_int_equal(request.where, TAP_ON_BRIDGE);
        assert_string_equal(request.bridge, "vnicbr0");
}

static void a_name_that_no_bridge_can_have_is_no_such_bridge(void **state) {
        static const char *const names[] = { "abcdefghijklmnop", "--", "-rf", ".", "..", "../x",
                "%d", "$(id)", "a b", "a/b", "a\n", "\xff", "br0 " };

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                TapRequest request = TAP_REQUEST_INIT;
                Failure failure = FAILURE_INIT;

                assert_int_equal(tap_request_set_bridge(&request, names[i], &failure), -ENODEV);
                assert_int_equal(failure.kind, FAILURE_NO_SUCH_BRIDGE);
                assert_string_equal(request.bridge, "");
        }
}

/* Text from a client must not come back in a sentence that others may print. */
static void a_refused_name_is_not_repeated(void **state) {
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;

        tap_request_set_bridge(&request, "x\033[2J", &failure);
        assert_null(strchr(failure.text, '\033'));
        tap_request_set_label(&request, "x\033[2J", &failure);
        assert_null(strchr(failure.text, '\033'));
        tap_request_set_guest_mac(&request, "x\033[2J", &failure);
        assert_null(strchr(failure.text, '\033'));
}

static void a_label_is_taken_or_refused_by_name(void **state) {
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;

        assert_int_equal(tap_request_set_label(&request, "web-1", &failure), 0);
        assert_string_equal(request.label, "web-1");
        assert_int_equal(tap_request_set_label(&request, "a b", &failure), -EINVAL);
        assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
        assert_non_null(strstr(failure.text, "label"));
        assert_string_equal(request.label, "web-1");
        assert_int_equal(tap_request_set_label(&request, "", NULL), -EINVAL);
        assert_int_equal(tap_request_set_label(&request, "vnic0badcafe", &failure), -EINVAL);
        assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
        assert_int_equal(tap_request_set_label(&request, "vnic0badcafe0", NULL), 0);
        assert_int_equal(tap_request_set_label(&request, "vnic0BADCAFE", NULL), 0);
        assert_int_equal(tap_request_set_label(&request, "abcdefghijklmnopqrstuvwxyz0123456", NULL),
                        -EINVAL);
}

static void an_address_has_one_spelling(void **state) {
        static const char *const bad[] = { "", "10.70.3", "10.70.3.09", "10.70.3.9/24", "fd00::1",
                "10.70.3.9 ", "010.70.3.9", "0x0a.1.1.1", "web" };
        TapRequest request = TAP_REQUEST_INIT;

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                Failure failure = FAILURE_INIT;

                assert_int_equal(tap_request_set_address(&request, bad[i], &failure), -EINVAL);
                assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
                assert_false(request.has_address);
        }
        assert_int_equal(tap_request_set_address(&request, "10.70.3.9", NULL), 0);
        assert_true(request.has_address);
        assert_int_equal(request.address.s_addr, htonl(0x0a460309));
}

static void a_guest_mac_is_taken_or_refused_by_name(void **state) {
        static const char *const bad[] = { "", "x", "52:54:00:12:34", "01:00:00:00:00:01",
                "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "52-54-00-12-34-56" };
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                assert_int_equal(tap_request_set_guest_mac(&request, bad[i], &failure), -EINVAL);
                assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
                assert_non_null(strstr(failure.text, "guest_mac"));
                assert_false(request.has_guest_mac);
        }
        assert_int_equal(tap_request_set_guest_mac(&request, "52:54:00:AB:cd:ef", &failure), 0);
        assert_true(request.has_guest_mac);
        assert_int_equal(request.guest_mac.ether_addr_octet[3], 0xab);
}

static void nothing_asked_is_one_queue_without_header(void **state) {
        TapRequest request = completed(TAP_REQUEST_INIT, 4);

        assert_int_equal(request.queues, 1);
        assert_int_equal(request.vnet_hdr_size, 0);
        assert_int_equal(request.mtu, 0);
        assert_false(request.isolated || request.anti_spoof || request.has_mtu);
        assert_string_equal(request.label, "");
}

static void the_default_of_queues_is_the_cpus_up_to_eight(void **state) {
        const TapRequest asked = { .multiqueue = true };

        assert_int_equal(completed(asked, 0).queues, 1);
        assert_int_equal(completed(asked, 1).queues, 1);
        assert_int_equal(completed(asked, 2).queues, 2);
        assert_int_equal(completed(asked, 7).queues, 7);
        assert_int_equal(completed(asked, 8).queues, 8);
        assert_int_equal(completed(asked, 9).queues, 8);
        assert_int_equal(completed(asked, 4096).queues, 8);
        assert_int_equal(completed(TAP_REQUEST_INIT, 64).queues, 1);
}

static void one_to_sixteen_queues_are_taken(void **state) {
        for (uint32_t queues = 1; queues <= 16; queues++) {
                TapRequest request = { .multiqueue = true, .has_queues = true, .queues = queues };

                assert_int_equal(completed(request, 2).queues, queues);
        }
}

static void other_numbers_of_queues_are_refused(void **state) {
        static const uint32_t numbers[] = { 0, 17, 256, 257, 65536, 0x7fffffff, UINT32_MAX };

        for (size_t i = 0; i < ELEMENTS(numbers); i++) {
                TapRequest request = {
                        .multiqueue = true, .has_queues = true, .queues = numbers[i]
                };

                assert_refused(request, FAILURE_INVALID_OPTION, "\"queues\"");
                request.multiqueue = false;
                assert_refused(request, FAILURE_INVALID_OPTION, "\"queues\"");
        }
}

static void several_queues_need_multiqueue(void **state) {
        TapRequest request = { .has_queues = true, .queues = 2 };

        assert_refused(request, FAILURE_INVALID_OPTION, "\"queues\"");
        request.queues = 1;
        assert_int_equal(completed(request, 8).queues, 1);
        request.multiqueue = true;
        assert_int_equal(completed(request, 8).queues, 1);
}

static void a_header_has_ten_bytes_unless_asked_otherwise(void **state) {
        static const uint32_t sizes[] = { 10, 12, 20, 24 };

        assert_int_equal(completed((TapRequest){ .vnet_hdr = true }, 1).vnet_hdr_size, 10);
        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                TapRequest request = {
                        .vnet_hdr = true, .has_vnet_hdr_size = true, .vnet_hdr_size = sizes[i]
                };

                assert_int_equal(completed(request, 1).vnet_hdr_size, sizes[i]);
        }
}

static void other_sizes_of_the_header_are_refused(void **state) {
        static const uint32_t sizes[] = { 0, 1, 9, 11, 13, 16, 21, 23, 25, 1000, UINT32_MAX };

        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                TapRequest request = {
                        .vnet_hdr = true, .has_vnet_hdr_size = true, .vnet_hdr_size = sizes[i]
                };

                assert_refused(request, FAILURE_INVALID_OPTION, "\"vnet_hdr_size\"");
        }
}

static void a_size_without_a_header_is_refused_as_such(void **state) {
        static const uint32_t sizes[] = { 0, 7, 10, 12 };

        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                TapRequest request = { .has_vnet_hdr_size = true, .vnet_hdr_size = sizes[i] };

                assert_refused(request, FAILURE_VNET_HDR_REQUIRED, "vnet_hdr");
        }
}

static void mtus_of_the_tap_are_taken_and_others_refused(void **state) {
        static const uint32_t good[] = { 68, 1280, 1500, 9000, 65521 };
        static const uint32_t bad[] = { 0, 1, 67, 65522, 65535, 65536, UINT32_MAX };

        for (size_t i = 0; i < ELEMENTS(good); i++)
                assert_int_equal(completed((TapRequest){ .has_mtu = true, .mtu = good[i] }, 1).mtu,
                                good[i]);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_refused((TapRequest){ .has_mtu = true, .mtu = bad[i] },
                                FAILURE_INVALID_OPTION, "\"mtu\"");
}

static void a_given_mac_means_anti_spoofing_unless_told_otherwise(void **state) {
        TapRequest request = { .bridge = "br0", .has_guest_mac = true };

        assert_true(completed(request, 1).anti_spoof);
        request.has_anti_spoof = true;
        assert_false(completed(request, 1).anti_spoof);
        request.anti_spoof = true;
        assert_true(completed(request, 1).anti_spoof);
        request = (TapRequest){ .bridge = "br0" };
        assert_false(completed(request, 1).anti_spoof);
        request = (TapRequest){ .where = TAP_ON_NOTHING, .has_guest_mac = true };
        assert_false(completed(request, 1).anti_spoof);
        request = (TapRequest){ .bridge = "br0", .has_anti_spoof = true, .anti_spoof = true };
        assert_true(completed(request, 1).anti_spoof);
}

static void without_a_bridge_there_is_no_port_to_ask_about(void **state) {
        TapRequest request = { .where = TAP_ON_NOTHING, .isolated = true };

        assert_refused(request, FAILURE_INVALID_OPTION, "\"isolated\"");
        request = (TapRequest){
                .where = TAP_ON_NOTHING, .has_anti_spoof = true, .anti_spoof = true
        };
        assert_refused(request, FAILURE_INVALID_OPTION, "\"anti_spoof\"");
        request.anti_spoof = false;
        completed(request, 1);
        completed((TapRequest){ .bridge = "br0", .isolated = true }, 1);
}

static void offloads_are_taken_by_name_once_each(void **state) {
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;

        assert_int_equal(tap_request_add_offload(&request, "tso4", &failure), 0);
        assert_int_equal(tap_request_add_offload(&request, "csum", &failure), 0);
        assert_int_equal(request.offloads, OFFLOAD_CSUM | OFFLOAD_TSO4);
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_int_equal(tap_request_add_offload(&request, "csum", &failure), -EINVAL);
        assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
        assert_int_equal(tap_request_add_offload(&request, "ufo", &failure), -EINVAL);
        assert_non_null(strstr(failure.text, "\"offloads\""));
        assert_int_equal(request.offloads, OFFLOAD_CSUM | OFFLOAD_TSO4);
}

static void offloads_need_a_header_and_the_kernels_rules(void **state) {
        TapRequest request = TAP_REQUEST_INIT;

        request.has_offloads = true;
        assert_refused(request, FAILURE_VNET_HDR_REQUIRED, "offloads");
        request.vnet_hdr = true;
        completed(request, 1);
        request.offloads = OFFLOAD_TSO4;
        assert_refused(request, FAILURE_INVALID_OPTION, "offloads");
        request.offloads |= OFFLOAD_CSUM;
        completed(request, 1);
}

static void a_tap_stays_until_a_release_or_until_a_logout(void **state) {
        assert_true(tap_request_outlives_queues(&(TapRequest){ .persistent = true }));
        assert_true(tap_request_outlives_queues(&(TapRequest){ .until_logout = true }));
        assert_false(tap_request_outlives_queues(&TAP_REQUEST_INIT));
        completed((TapRequest){ .until_logout = true }, 1);
        assert_refused((TapRequest){ .persistent = true, .until_logout = true },
                        FAILURE_INVALID_OPTION, "until_logout");
}

static void who_does_not_care_why_passes_null(void **state) {
        TapRequest request = { .has_queues = true };

        assert_int_equal(tap_request_complete(&request, 1, NULL), -EINVAL);
        assert_true(tap_request_set_bridge(&request, "..", NULL) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_bridge_is_taken_by_its_name),
                cmocka_unit_test(a_dash_is_no_bridge),
                cmocka_unit_test(an_empty_name_is_the_default_network_if_there_is_one),
                cmocka_unit_test(a_name_that_no_bridge_can_have_is_no_such_bridge),
                cmocka_unit_test(a_refused_name_is_not_repeated),
                cmocka_unit_test(a_label_is_taken_or_refused_by_name),
                cmocka_unit_test(an_address_has_one_spelling),
                cmocka_unit_test(a_guest_mac_is_taken_or_refused_by_name),
                cmocka_unit_test(nothing_asked_is_one_queue_without_header),
                cmocka_unit_test(the_default_of_queues_is_the_cpus_up_to_eight),
                cmocka_unit_test(one_to_sixteen_queues_are_taken),
                cmocka_unit_test(other_numbers_of_queues_are_refused),
                cmocka_unit_test(several_queues_need_multiqueue),
                cmocka_unit_test(a_header_has_ten_bytes_unless_asked_otherwise),
                cmocka_unit_test(other_sizes_of_the_header_are_refused),
                cmocka_unit_test(a_size_without_a_header_is_refused_as_such),
                cmocka_unit_test(mtus_of_the_tap_are_taken_and_others_refused),
                cmocka_unit_test(a_given_mac_means_anti_spoofing_unless_told_otherwise),
                cmocka_unit_test(without_a_bridge_there_is_no_port_to_ask_about),
                cmocka_unit_test(offloads_are_taken_by_name_once_each),
                cmocka_unit_test(offloads_need_a_header_and_the_kernels_rules),
                cmocka_unit_test(a_tap_stays_until_a_release_or_until_a_logout),
                cmocka_unit_test(who_does_not_care_why_passes_null),
        };

        return cmocka_run_group_tests_name("tap-request", tests, NULL, NULL);
}
