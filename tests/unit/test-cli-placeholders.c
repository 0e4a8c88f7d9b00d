/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words in braces that "vnicctl run" fills in.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "placeholders.h"

static const int two_fds[] = { 3, 4 };
static const int one_fd[] = { 17 };

static const Placeholders two_queues = { two_fds, 2, "52:54:00:01:02:03", "vnic0badcafe" };
static const Placeholders one_queue = { one_fd, 1, "52:54:00:0a:0b:0c", "vnic00000001" };

static void assert_filled(
                const Placeholders *placeholders, const char *text, const char *expected) {
        _cleanup_free_ char *filled = NULL;

        assert_int_equal(placeholders_fill(placeholders, 1, text, &filled), 0);
        assert_string_equal(filled, expected);
}

static void fds_are_listed_in_the_order_of_the_queues(void **state) {
        static const int fds[] = { 9, 3, 12, 4 };
        const Placeholders unsorted = { fds, 4, "", "" };

        assert_filled(&two_queues, "{fds}", "3:4");
        assert_filled(&unsorted, "fds={fds}", "fds=9:3:12:4");
}

static void fds_of_one_queue_are_one_number(void **state) {
        assert_filled(&one_queue, "fds={fds}", "fds=17");
}

static void fd_is_the_only_queue(void **state) {
        assert_filled(&one_queue, "tap,fd={fd}", "tap,fd=17");
}

static void fd_of_two_queues_is_an_error_and_nothing_is_answered(void **state) {
        char *filled = NULL;

        assert_int_equal(placeholders_fill(&two_queues, 1, "tap,fd={fd}", &filled), -EINVAL);
        assert_null(filled);
}

static void fd_of_no_queue_is_an_error(void **state) {
        const Placeholders none = { NULL, 0, "", "" };
        char *filled = NULL;

        assert_int_equal(placeholders_fill(&none, 1, "{fd}", &filled), -EINVAL);
        assert_null(filled);
        assert_filled(&none, "[{fds}]", "[]");
}

static void assert_fault(const char *text, PlaceholderFault expected, const char *wrong) {
        static const size_t queues[] = { 2, 1, 0 };
        const char *found = "not touched";
        size_t n_taps = strstr(text, "one:") == text ? 1 : 3;

        assert_int_equal(placeholders_check(queues, n_taps, text, &found), expected);
        if (wrong)
                assert_string_equal(found, wrong);
        else
                assert_null(found);
}

static void only_fd_itself_needs_one_queue(void **state) {
        assert_fault("one:fd={fd},x", PLACEHOLDERS_NOT_ONE_QUEUE, "{fd},x");
        assert_fault("one:fds={fds}", PLACEHOLDERS_FINE, NULL);
        assert_fault("one:fd", PLACEHOLDERS_FINE, NULL);
        assert_fault("one:{fd", PLACEHOLDERS_FINE, NULL);
        assert_fault("one:", PLACEHOLDERS_FINE, NULL);
        assert_fault("one:{fd1}", PLACEHOLDERS_NOT_ONE_QUEUE, "{fd1}");
        assert_fault("{fds1}{fd2}", PLACEHOLDERS_FINE, NULL);
        assert_fault("{fd3}", PLACEHOLDERS_NOT_ONE_QUEUE, "{fd3}");
}

static void of_several_taps_each_word_has_the_number_of_one(void **state) {
        const Placeholders taps[] = { two_queues, one_queue };
        char *filled = NULL;

        assert_int_equal(placeholders_fill(taps, 2,
                                         "{fds1}/{mac2},{ifname1},{fd2},{queues1}{vectors2}",
                                         &filled),
                        0);
        assert_string_equal(filled, "3:4/52:54:00:0a:0b:0c,vnic0badcafe,17,24");
        free(filled);
        filled = NULL;
        assert_int_equal(placeholders_fill(taps, 2, "{mac}", &filled), -EINVAL);
        assert_int_equal(placeholders_fill(taps, 2, "{mac3}", &filled), -EINVAL);
        assert_null(filled);
        assert_fault("x{mac}", PLACEHOLDERS_WHICH, "{mac}");
        assert_fault("{mac4} {mac}", PLACEHOLDERS_NO_SUCH_TAP, "{mac4} {mac}");
        assert_fault("{mac99999999999999999999}", PLACEHOLDERS_NO_SUCH_TAP,
                        "{mac99999999999999999999}");
}

static void one_tap_has_the_numbered_words_too(void **state) {
        assert_filled(&two_queues, "{fds1}={fds}", "3:4=3:4");
}

static void a_number_of_another_spelling_is_another_word(void **state) {
        assert_filled(&two_queues, "{fds0} {fds01} {fds 1} {1} {fds1 {mac-1}",
                        "{fds0} {fds01} {fds 1} {1} {fds1 {mac-1}");
}

static void vectors_are_two_a_queue_and_two_more(void **state) {
        assert_filled(&one_queue, "{vectors}", "4");
        assert_filled(&two_queues, "{vectors}", "6");
}

static void several_words_in_one_argument_are_all_filled_in(void **state) {
        assert_filled(&two_queues, "{ifname}:{queues},mac={mac},{fds}{fds},v={vectors}.",
                        "vnic0badcafe:2,mac=52:54:00:01:02:03,3:43:4,v=6.");
}

static void unknown_words_are_left_alone(void **state) {
        assert_filled(&two_queues, "{fdx} {} {FDS} { fds } {fds", "{fdx} {} {FDS} { fds } {fds");
        assert_filled(&two_queues, "100%s", "100%s");
        assert_filled(&two_queues, "", "");
}

static void words_inside_of_json_are_filled_in_and_its_braces_stay(void **state) {
        assert_filled(&two_queues, "{\"driver\":\"virtio-net-pci\",\"mac\":\"{mac}\",\"o\":{}}",
                        "{\"driver\":\"virtio-net-pci\",\"mac\":\"52:54:00:01:02:03\",\"o\":{}}");
        assert_filled(&two_queues, "{{queues}}", "{2}");
}

static void what_was_filled_in_is_not_looked_at_again(void **state) {
        const Placeholders nested = { one_fd, 1, "{ifname}", "{mac}" };

        assert_filled(&nested, "{mac} {ifname}", "{ifname} {mac}");
}

static void a_vector_keeps_its_order_and_its_end(void **state) {
        char *texts[] = { "qemu", "fds={fds}", "", "{queues}", NULL };
        char **filled = NULL;

        assert_int_equal(placeholders_fill_vector(&two_queues, 1, texts, &filled), 0);
        assert_string_equal(filled[0], "qemu");
        assert_string_equal(filled[1], "fds=3:4");
        assert_string_equal(filled[2], "");
        assert_string_equal(filled[3], "2");
        assert_null(filled[4]);
        assert_null(placeholders_free_vector(filled));
}

static void a_vector_with_fd_and_two_queues_is_an_error(void **state) {
        char *texts[] = { "qemu", "{fds}", "{fd}", NULL };
        char **filled = NULL;

        assert_int_equal(placeholders_fill_vector(&two_queues, 1, texts, &filled), -EINVAL);
        assert_null(filled);
}

static void freeing_no_vector_is_harmless(void **state) {
        assert_null(placeholders_free_vector(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fds_are_listed_in_the_order_of_the_queues),
                cmocka_unit_test(fds_of_one_queue_are_one_number),
                cmocka_unit_test(fd_is_the_only_queue),
                cmocka_unit_test(fd_of_two_queues_is_an_error_and_nothing_is_answered),
                cmocka_unit_test(fd_of_no_queue_is_an_error),
                cmocka_unit_test(only_fd_itself_needs_one_queue),
                cmocka_unit_test(of_several_taps_each_word_has_the_number_of_one),
                cmocka_unit_test(one_tap_has_the_numbered_words_too),
                cmocka_unit_test(a_number_of_another_spelling_is_another_word),
                cmocka_unit_test(vectors_are_two_a_queue_and_two_more),
                cmocka_unit_test(several_words_in_one_argument_are_all_filled_in),
                cmocka_unit_test(unknown_words_are_left_alone),
                cmocka_unit_test(words_inside_of_json_are_filled_in_and_its_braces_stay),
                cmocka_unit_test(what_was_filled_in_is_not_looked_at_again),
                cmocka_unit_test(a_vector_keeps_its_order_and_its_end),
                cmocka_unit_test(a_vector_with_fd_and_two_queues_is_an_error),
                cmocka_unit_test(freeing_no_vector_is_harmless),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
