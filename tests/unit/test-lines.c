/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users take turns, and the calls of each user are served in order of arrival. */
#include <errno.h>

#include "access/lines.h"
#include "testing.h"

typedef struct Call {
        List link;
        char name;
} Call;

static void append(Lines *lines, uid_t uid, Call *call, char name) {
        call->name = name;
        list_init(&call->link);
        assert_int_equal(lines_append(lines, uid, &call->link), 0);
}

/* '-': nobody. */
static char take(Lines *lines) {
        List *first = lines_take(lines);

        return first ? container_of(first, Call, link)->name : '-';
}

static void assert_order(Lines *lines, const char *names) {
        for (; *names; names++)
                assert_int_equal(take(lines), *names);
        assert_int_equal(take(lines), '-');
        assert_true(lines_are_empty(lines));
}

static void one_user_is_served_as_he_came(void **state) {
        Call calls[3];
        Lines lines;

        lines_init(&lines);
        for (size_t i = 0; i < ELEMENTS(calls); i++)
                append(&lines, 1000, &calls[i], "abc"[i]);
        assert_false(lines_are_empty(&lines));
        assert_order(&lines, "abc");
}

static void users_take_turns(void **state) {
        Call calls[7];
        Lines lines;

        lines_init(&lines);
        for (size_t i = 0; i < 4; i++)
                append(&lines, 1000, &calls[i], "abcd"[i]);
        append(&lines, 1001, &calls[4], 'x');
        append(&lines, 1002, &calls[5], 'y');
        append(&lines, 1001, &calls[6], 'z');
        assert_order(&lines, "axybzcd");
}

static void who_comes_again_is_behind_those_who_wait(void **state) {
        Call calls[5];
        Lines lines;

        lines_init(&lines);
        append(&lines, 1000, &calls[0], 'a');
        append(&lines, 1001, &calls[1], 'x');
        append(&lines, 1001, &calls[2], 'z');
        assert_int_equal(take(&lines), 'a');
        append(&lines, 1000, &calls[3], 'b');
        assert_int_equal(take(&lines), 'x');
        append(&lines, 1001, &calls[4], 'w');
        assert_order(&lines, "bzw");
}

static void a_full_line_is_its_user_s_alone(void **state) {
        static Call calls[LINE_MAX_CALLS], more;
        Lines lines;

        lines_init(&lines);
        for (size_t i = 0; i < LINE_MAX_CALLS; i++)
                append(&lines, 1000, &calls[i], 'a');
        list_init(&more.link);
        assert_int_equal(lines_append(&lines, 1000, &more.link), -EUSERS);
        append(&lines, 1001, &more, 'x');
        assert_int_equal(take(&lines), 'a');
        assert_int_equal(take(&lines), 'x');
        append(&lines, 1000, &more, 'b');
        for (size_t i = 1; i < LINE_MAX_CALLS; i++)
                assert_int_equal(take(&lines), 'a');
        assert_order(&lines, "b");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_user_is_served_as_he_came),
                cmocka_unit_test(users_take_turns),
                cmocka_unit_test(who_comes_again_is_behind_those_who_wait),
                cmocka_unit_test(a_full_line_is_its_user_s_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
