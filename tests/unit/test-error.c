/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table of errors: it maps both ways, and no two entries are alike. */
#include <ctype.h>
#include <errno.h>

#include "common/bus-error.h"
#include "testing.h"

/* The D-Bus specification, "Error names": as interface names, two elements or more of
 * [A-Za-z_][A-Za-z0-9_]*, 255 bytes at most. */
static bool is_valid_error_name(const char *name) {
        size_t elements = 1;
        bool first = true;

        if (strlen(name) > 255)
                return false;
        for (const char *c = name; *c; c++) {
                if (*c == '.') {
                        if (first)
                                return false;
                        elements++;
                        first = true;
                        continue;
                }
                if (!isalpha((unsigned char)*c) && *c != '_' &&
                                (first || !isdigit((unsigned char)*c)))
                        return false;
                first = false;
        }
        return !first && elements >= 2;
}

static void every_kind_has_a_valid_name(void **state) {
        for (FailureKind kind = FAILURE_NONE; kind < FAILURE_KIND_MAX; kind++) {
                assert_non_null(error_name(kind));
                assert_true(is_valid_error_name(error_name(kind)));
        }
}

static void every_kind_has_a_name_of_its_own(void **state) {
        for (FailureKind a = FAILURE_NONE; a < FAILURE_KIND_MAX; a++)
                for (FailureKind b = a + 1; b < FAILURE_KIND_MAX; b++)
                        assert_string_not_equal(error_name(a), error_name(b));
}

static void a_name_leads_back_to_its_kind(void **state) {
        for (FailureKind kind = FAILURE_NONE; kind < FAILURE_KIND_MAX; kind++)
                assert_int_equal(error_kind(error_name(kind)), kind);
}

static void names_are_ours_or_the_standards(void **state) {
        for (FailureKind kind = FAILURE_NONE + 1; kind < FAILURE_KIND_MAX; kind++) {
                bool ours = strncmp(error_name(kind), "org.vnicd1.Error.", 17) == 0;
                bool standard = strncmp(error_name(kind), "org.freedesktop.DBus.Error.", 27) == 0;

                assert_int_equal(ours, kind < FAILURE_INVALID_ARGS);
                assert_int_equal(standard, kind >= FAILURE_INVALID_ARGS);
        }
}

static void foreign_names_are_no_kind(void **state) {
        static const char *const names[] = { "", "InvalidOption", "org.vnicd1.Error.",
                "org.vnicd1.Error.Invalidoption", "org.vnicd1.Error.InvalidOptionX",
                "org.freedesktop.DBus.Error.FileNotFound", "org.freedesktop.DBus.Error.NoReply" };

        assert_int_equal(error_kind(NULL), FAILURE_NONE);
        for (size_t i = 0; i < ELEMENTS(names); i++)
                assert_int_equal(error_kind(names[i]), FAILURE_NONE);
}

static void a_kind_out_of_range_has_a_name_nevertheless(void **state) {
        assert_string_equal(error_name(FAILURE_KIND_MAX), error_name(FAILURE_NONE));
        assert_string_equal(error_name((FailureKind)-1), error_name(FAILURE_NONE));
}

static void success_is_always_one_and_sets_no_error(void **state) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Failure failure = FAILURE_INIT;

        assert_int_equal(error_answer(&error, &failure, 0), 1);
        assert_int_equal(error_answer(&error, &failure, 1), 1);
        assert_int_equal(error_answer(&error, &failure, 4711), 1);
        failure_set(&failure, FAILURE_KERNEL, EIO, "An earlier attempt.");
        assert_int_equal(error_answer(&error, &failure, 0), 1);
        assert_false(sd_bus_error_is_set(&error));
}

static void a_failure_becomes_its_name_and_sentence(void **state) {
        for (FailureKind kind = FAILURE_NONE + 1; kind < FAILURE_KIND_MAX; kind++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                Failure failure = FAILURE_INIT;
                int r = failure_set(&failure, kind, ENOENT, "Words of %u.", (unsigned)kind);

                assert_true(error_answer(&error, &failure, r) < 0);
                assert_string_equal(error.name, error_name(kind));
                assert_string_equal(error.message, failure.text);
                sd_bus_error_free(&error);
        }
}

static void an_errno_alone_never_gets_a_name_of_sd_bus(void **state) {
        static const int numbers[] = { ENOENT, EPERM, EACCES, EINVAL, EIO, ETIMEDOUT, EEXIST,
                4095 };

        for (size_t i = 0; i < ELEMENTS(numbers); i++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                Failure failure = FAILURE_INIT;

                assert_true(error_answer(&error, &failure, -numbers[i]) < 0);
                assert_string_equal(error.name, "org.vnicd1.Error.KernelError");
                assert_true(strlen(error.message) > 10);
                sd_bus_error_free(&error);
        }
}

static void out_of_memory_says_so(void **state) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Failure failure = FAILURE_INIT;

        assert_int_equal(error_answer(&error, &failure, -ENOMEM), -ENOMEM);
        assert_string_equal(error.name, "org.freedesktop.DBus.Error.NoMemory");
        sd_bus_error_free(&error);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_has_a_valid_name),
                cmocka_unit_test(every_kind_has_a_name_of_its_own),
                cmocka_unit_test(a_name_leads_back_to_its_kind),
                cmocka_unit_test(names_are_ours_or_the_standards),
                cmocka_unit_test(foreign_names_are_no_kind),
                cmocka_unit_test(a_kind_out_of_range_has_a_name_nevertheless),
                cmocka_unit_test(success_is_always_one_and_sets_no_error),
                cmocka_unit_test(a_failure_becomes_its_name_and_sentence),
                cmocka_unit_test(an_errno_alone_never_gets_a_name_of_sd_bus),
                cmocka_unit_test(out_of_memory_says_so),
        };

        return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
