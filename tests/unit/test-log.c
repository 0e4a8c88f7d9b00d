/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One event is one line, wherever its text came from. Standard error is read back. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "testing.h"

typedef struct Capture {
        int file, saved;
        char text[2048];
} Capture;

static void capture_begin(Capture *capture) {
        capture->file = memfd_create("stderr", MFD_CLOEXEC);
        capture->saved = dup(STDERR_FILENO);
        assert_true(capture->file >= 0 && capture->saved >= 0);
        dup2(capture->file, STDERR_FILENO);
}

static void capture_end(Capture *capture) {
        ssize_t n;

        dup2(capture->saved, STDERR_FILENO);
        n = pread(capture->file, capture->text, sizeof(capture->text) - 1, 0);
        capture->text[n > 0 ? n : 0] = '\0';
        close(capture->saved);
        close(capture->file);
}

static void a_line_says_who_speaks(void **state) {
        Capture capture;

        unsetenv("JOURNAL_STREAM");
        capture_begin(&capture);
        log_info("%s is gone", "vnic00000001");
        capture_end(&capture);
        assert_string_equal(capture.text, "vnicd: vnic00000001 is gone\n");
}

static void to_the_journal_it_says_its_priority(void **state) {
        Capture capture;

        setenv("JOURNAL_STREAM", "1:2", 1);
        capture_begin(&capture);
        log_error("no");
        capture_end(&capture);
        unsetenv("JOURNAL_STREAM");
        assert_string_equal(capture.text, "<3>no\n");
}

static void control_bytes_forge_no_second_line(void **state) {
        Capture capture;

        unsetenv("JOURNAL_STREAM");
        capture_begin(&capture);
        log_warning("name \"%s\"", "a\n<0>b\033[2J\x7f");
        capture_end(&capture);
        assert_string_equal(capture.text, "vnicd: name \"a?<0>b?[2J?\"\n");
}

static void nor_do_controls_of_two_bytes(void **state) {
        Capture capture;

        unsetenv("JOURNAL_STREAM");
        capture_begin(&capture);
        log_warning("name \"%s\"", "\302\233mG\303\251r\303");
        capture_end(&capture);
        assert_string_equal(capture.text, "vnicd: name \"?mG\303\251r?\"\n");
}

static void a_line_too_long_is_cut(void **state) {
        char text[4096];
        Capture capture;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        unsetenv("JOURNAL_STREAM");
        capture_begin(&capture);
        log_warning("%s", text);
        capture_end(&capture);
        assert_true(strlen(capture.text) < 600);
        assert_int_equal(capture.text[strlen(capture.text) - 1], '\n');
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_says_who_speaks),
                cmocka_unit_test(to_the_journal_it_says_its_priority),
                cmocka_unit_test(control_bytes_forge_no_second_line),
                cmocka_unit_test(nor_do_controls_of_two_bytes),
                cmocka_unit_test(a_line_too_long_is_cut),
        };

        return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
