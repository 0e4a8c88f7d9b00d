/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "print.h"

/*
 * Writes all data to standard output except for the lines of "monitor". JSON is pure ASCII, so that
 * it contains nothing that a terminal would obey.
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cell.h"
#include "common/cleanup.h"
#include "language.h"
#include "table.h"

Status print_flush(void) {
        if (fflush(stdout) != 0)
                return complain_errno(errno, _("Cannot write to standard output"));
        if (ferror(stdout))
                return complain_errno(EIO, _("Cannot write to standard output"));
        return STATUS_OK;
}

static Status print_json_with(const json_t *value, size_t flags) {
        if (json_dumpf(value, stdout, flags | JSON_ENSURE_ASCII) < 0)
                return complain(STATUS_FAILURE, _("Cannot write JSON to standard output."));
        putchar('\n');
        return print_flush();
}

Status print_json(const json_t *value) {
        return print_json_with(value, JSON_INDENT(2));
}

Status print_json_line(const json_t *value) {
        return print_json_with(value, JSON_COMPACT);
}

static Status print_table(const Table *table, int r) {
        if (r < 0)
                return complain_errno(r, _("Cannot lay out the table"));
        table_print(table, stdout);
        return print_flush();
}

static int add_cell(Table *table, const json_t *object, const char *key) {
        _cleanup_free_ char *text = cell_text(object, key);

        return text ? table_add(table, text) : -ENOMEM;
}

static int add_rows(Table *table, const json_t *rows, const Column columns[]) {
        json_t *row;
        size_t i;
        int r = 0;

        for (size_t column = 0; column < table->n_columns && r >= 0; column++)
                r = table_add(table, columns[column].title);
        json_array_foreach(rows, i, row) {
                for (size_t column = 0; column < table->n_columns && r >= 0; column++)
                        r = add_cell(table, row, columns[column].key);
        }
        return r;
}

Status print_rows(const json_t *rows, const Column columns[], size_t n_columns) {
        _cleanup_(table_done) Table table = TABLE_INIT(n_columns);

        return print_table(&table, add_rows(&table, rows, columns));
}

static void print_warnings(const json_t *rows, const char *key) {
        bool first = true;
        json_t *row, *warning;
        size_t i, k;

        json_array_foreach(rows, i, row) {
                json_array_foreach(json_object_get(row, "warnings"), k, warning) {
                        printf("%s%s: %s\n", first ? "\n" : "",
                                        json_string_value(json_object_get(row, key)),
                                        json_string_value(warning));
                        first = false;
                }
        }
}

Status print_rows_and_warnings(
                const json_t *rows, const Column columns[], size_t n_columns, const char *key) {
        Status status = print_rows(rows, columns, n_columns);

        if (status != STATUS_OK)
                return status;
        print_warnings(rows, key);
        return print_flush();
}

static int add_title(Table *table, const char *key) {
        _cleanup_free_ char *title = strdup(key);

        if (!title)
                return -ENOMEM;
        for (char *c = title; *c; c++)
                if (*c == '_')
                        *c = '-';
        return table_add(table, title);
}

/* The first warning goes beside the title, the others below it. */
static int add_warnings(Table *table, const json_t *warnings) {
        json_t *warning;
        size_t i;
        int r = 0;

        json_array_foreach(warnings, i, warning) {
                if (i > 0 && r >= 0)
                        r = table_add(table, "");
                if (r >= 0)
                        r = table_add(table, json_string_value(warning));
        }
        return r;
}

Status print_object(const json_t *object) {
        _cleanup_(table_done) Table table = TABLE_INIT(2);
        const char *key;
        json_t *value;
        int r = 0;

        json_object_foreach((json_t *)object, key, value) {
                if (strcmp(key, "warning_codes") == 0) /* for programs; people get the sentences */
                        continue;
                r = add_title(&table, key);
                if (r >= 0)
                        r = strcmp(key, "warnings") == 0 && json_array_size(value) > 0
                                        ? add_warnings(&table, value)
                                        : add_cell(&table, object, key);
                if (r < 0)
                        break;
        }
        return print_table(&table, r);
}
