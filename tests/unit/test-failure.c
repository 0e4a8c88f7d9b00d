/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Failure is a kind and a sentence; the errno is returned separately. */
#include <errno.h>

#include "common/failure.h"
#include "testing.h"

static void a_failure_carries_kind_and_sentence_and_returns_the_errno(void **state) {
        Failure failure = FAILURE_INIT;

        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_int_equal(
                        failure_set(&failure, FAILURE_STALE, ESTALE, "It is %s.", "gone"), -ESTALE);
        assert_int_equal(failure.kind, FAILURE_STALE);
        assert_string_equal(failure.text, "It is gone.");
}

static void who_does_not_care_passes_null(void **state) {
        assert_int_equal(failure_set(NULL, FAILURE_STALE, ESTALE, "It is %s.", "gone"), -ESTALE);
        assert_int_equal(failure_kernel(NULL, EIO, "do it", NULL), -EIO);
}

static void the_kernels_words_are_preferred_to_ours(void **state) {
        Failure failure = FAILURE_INIT;

        assert_int_equal(failure_kernel(&failure, EINVAL, "do it", "mtu greater than device"),
                        -EINVAL);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
        assert_string_equal(failure.text, "Cannot do it: mtu greater than device.");
}

static void without_the_kernels_words_the_errno_is_spelt_out(void **state) {
        Failure failure = FAILURE_INIT;

        failure_kernel(&failure, ENODEV, "do it", NULL);
        assert_string_equal(failure.text, "Cannot do it: No such device.");
        failure_kernel(&failure, ENODEV, "do it", "");
        assert_string_equal(failure.text, "Cannot do it: No such device.");
}

static void a_sentence_too_long_is_cut_and_ended(void **state) {
        char text[4096];
        Failure failure = FAILURE_INIT;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        failure_set(&failure, FAILURE_KERNEL, EIO, "%s", text);
        assert_int_equal(strlen(failure.text), sizeof(failure.text) - 1);
}

static void percent_signs_in_the_kernels_words_are_not_a_format(void **state) {
        Failure failure = FAILURE_INIT;

        failure_kernel(&failure, EIO, "do it", "%s%n%d");
        assert_string_equal(failure.text, "Cannot do it: %s%n%d.");
}

static void what_cannot_be_shown_or_sent_is_replaced(void **state) {
        char text[4096] = "x";
        Failure failure = FAILURE_INIT;

        failure_set(&failure, FAILURE_KERNEL, EIO, "No %s.", "\302\233m\nb");
        assert_string_equal(failure.text, "No ?m?b.");
        while (strlen(text) < sizeof(text) - 3)
                strcat(text, "\303\251");
        failure_set(&failure, FAILURE_KERNEL, EIO, "%s", text);
        assert_int_equal(strlen(failure.text), sizeof(failure.text) - 1);
        failure_set(&failure, FAILURE_KERNEL, EIO, "%s", text + 1);
        assert_string_equal(failure.text + sizeof(failure.text) - 4, "\303\251?");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_failure_carries_kind_and_sentence_and_returns_the_errno),
                cmocka_unit_test(who_does_not_care_passes_null),
                cmocka_unit_test(the_kernels_words_are_preferred_to_ours),
                cmocka_unit_test(without_the_kernels_words_the_errno_is_spelt_out),
                cmocka_unit_test(a_sentence_too_long_is_cut_and_ended),
                cmocka_unit_test(what_cannot_be_shown_or_sent_is_replaced),
                cmocka_unit_test(percent_signs_in_the_kernels_words_are_not_a_format),
        };

        return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
