/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

/*
 * Owns copies of its cells, and the widths. Knows no JSON, no bus, and not what the cells mean.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

int table_add(Table *table, const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        char **cells;

        if (!copy)
                return -ENOMEM;
        cells = reallocarray(table->cells, table->n_cells + 1, sizeof(*cells));
        if (!cells)
                return -ENOMEM;

        table->cells = cells;
        table->cells[table->n_cells++] = TAKE_PTR(copy);
        return 0;
}

static int column_width(const Table *table, size_t column) {
        size_t width = 0;

        for (size_t i = column; i < table->n_cells; i += table->n_columns) {
                size_t length = strlen(table->cells[i]);

                width = length > width ? length : width;
        }
        return (int)width;
}

static void print_row(const Table *table, size_t first, const int *widths, FILE *stream) {
        size_t last = first + table->n_columns - 1;

        for (size_t i = first; i < last && i + 1 < table->n_cells; i++)
                fprintf(stream, "%-*s  ", widths[i - first], table->cells[i]);
        if (last < table->n_cells)
                fputs(table->cells[last], stream);
        fputc('\n', stream);
}

void table_print(const Table *table, FILE *stream) {
        _cleanup_free_ int *widths = calloc(table->n_columns, sizeof(*widths));

        for (size_t column = 0; widths && column < table->n_columns; column++)
                widths[column] = column_width(table, column);
        for (size_t i = 0; widths && i < table->n_cells; i += table->n_columns)
                print_row(table, i, widths, stream);
}

void table_done(Table *table) {
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i]);
        free(table->cells);
        *table = TABLE_INIT(table->n_columns);
}
