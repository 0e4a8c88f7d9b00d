/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What vnicctl lets through to a terminal, and how it aligns it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "table.h"
#include "text.h"

static void assert_cleaned(const char *text, const char *expected) {
        _cleanup_free_ char *copy = strdup(text);

        assert_non_null(copy);
        assert_ptr_equal(text_clean(copy), copy);
        assert_string_equal(copy, expected);
}

static void plain_text_stays(void **state) {
        assert_cleaned("", "");
        assert_cleaned("br0 ~!", "br0 ~!");
        assert_cleaned("Gerät €", "Gerät €");
}

static void control_characters_become_question_marks(void **state) {
        assert_cleaned("a\033[31mb\nc\td\177", "a?[31mb?c?d?");
        assert_cleaned("\001\037 ", "?? ");
}

static void a_c1_control_becomes_one_question_mark(void **state) {
        assert_cleaned("a\302\233b\302\200\302\237", "a?b??");
        assert_cleaned("\302\240\303\233", "\302\240\303\233");
}

static void fill(Table *table, const char *const cells[], size_t n) {
        for (size_t i = 0; i < n; i++)
                assert_int_equal(table_add(table, cells[i]), 0);
}

static void assert_printed(const Table *table, const char *expected) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_non_null(stream);
        table_print(table, stream);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text, expected);
}

static void columns_are_as_wide_as_their_widest_cell(void **state) {
        static const char *const cells[] = { "NAME", "MTU", "STATE", "vnic00000001", "9", "idle" };
        _cleanup_(table_done) Table table = TABLE_INIT(3);

        fill(&table, cells, 6);
        assert_printed(&table,
                        "NAME          MTU  STATE\n"
                        "vnic00000001  9    idle\n");
}

static void a_table_of_one_column_has_no_trailing_space(void **state) {
        static const char *const cells[] = { "A", "long" };
        _cleanup_(table_done) Table table = TABLE_INIT(1);

        fill(&table, cells, 2);
        assert_printed(&table, "A\nlong\n");
}

static void an_empty_table_prints_nothing(void **state) {
        _cleanup_(table_done) Table table = TABLE_INIT(2);

        assert_printed(&table, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_text_stays),
                cmocka_unit_test(control_characters_become_question_marks),
                cmocka_unit_test(a_c1_control_becomes_one_question_mark),
                cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
                cmocka_unit_test(a_table_of_one_column_has_no_trailing_space),
                cmocka_unit_test(an_empty_table_prints_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
