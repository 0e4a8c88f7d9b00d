/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Foreign text that is fit to be shown to users. */
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "common/printable.h"
#include "testing.h"

static void assert_printable(const char *text, const char *expected) {
        _cleanup_free_ char *copy = strdup(text);

        assert_non_null(copy);
        assert_ptr_equal(printable(copy), copy);
        assert_string_equal(copy, expected);
}

static void plain_text_stays(void **state) {
        assert_printable("", "");
        assert_printable("br0 ~!", "br0 ~!");
        assert_printable("Gerät € 日本 \U0001F600", "Gerät € 日本 \U0001F600");
        assert_printable("\U0010FFFF", "\U0010FFFF");
}

static void a_control_character_becomes_one_question_mark(void **state) {
        assert_printable("a\033[31mb\nc\td\177", "a?[31mb?c?d?");
        assert_printable("a\302\233b\302\200\302\237", "a?b??");
        assert_printable("\302\240\303\233", "\302\240\303\233");
}

static void so_does_what_shows_another_text_than_there_is(void **state) {
        assert_printable("a\u202eb\u2066c\u200fd\u200be\ufefff", "a?b?c?d?e?f");
        assert_printable("one\u2028two\u2029three", "one?two?three");
        assert_printable("\U000E0041", "?");
}

static void each_byte_that_is_not_utf8_becomes_one(void **state) {
        assert_printable("\x80", "?");
        assert_printable("\xff\xfe", "??");
        assert_printable("a\xc3", "a?");      /* cut in half */
        assert_printable("a\xe6\x97", "a??"); /* "日", less its last byte */
        assert_printable("a\xf0\x9f\x98", "a???");
        assert_printable("\xc3(", "?(");
        assert_printable("\xc0\xaf", "??"); /* "/" in two bytes */
        assert_printable("\xe0\x80\xaf", "???");
        assert_printable("\xf0\x80\x80\xaf", "????");
        assert_printable("\xed\xa0\x80", "?");        /* half of a pair of UTF-16 */
        assert_printable("\xf4\x90\x80\x80", "????"); /* behind the last one */
        assert_printable("\xf5\x80\x80\x80", "????");
}

/* Whatever the input is, the output is a valid D-Bus string, and is not changed again. */
static void any_bytes_become_text_of_dbus(void **state) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        _cleanup_close_ int other_end = -EBADF;
        uint64_t seed = RANDOM_SEED;
        int ends[2];

        assert_ok(sd_bus_new(&bus));
        /* Nobody answers there. */
        assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
        other_end = ends[1];
        assert_ok(sd_bus_set_fd(bus, ends[0], ends[0]));
        assert_ok(sd_bus_start(bus));
        for (int i = 0; i < 20000; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
                char text[33], again[33];

                for (size_t j = 0; j < sizeof(text); j++)
                        text[j] = (char)(random_next(&seed) >> 32 | (i % 2 ? 0x80 : 0));
                text[random_next(&seed) % sizeof(text)] = '\0';
                text[32] = '\0';
                printable(text);
                memcpy(again, text, sizeof(text));
                assert_string_equal(printable(again), text);
                assert_ok(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "c"));
                assert_ok(sd_bus_message_append_basic(message, 's', text));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_text_stays),
                cmocka_unit_test(a_control_character_becomes_one_question_mark),
                cmocka_unit_test(so_does_what_shows_another_text_than_there_is),
                cmocka_unit_test(each_byte_that_is_not_utf8_becomes_one),
                cmocka_unit_test(any_bytes_become_text_of_dbus),
        };

        return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
