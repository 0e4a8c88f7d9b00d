/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text in aligned columns, for people. It is filled cell by cell, row by row; a column is as wide
 * as its widest cell, counted in bytes.
 */

#include <stddef.h>
#include <stdio.h>

typedef struct Table {
        size_t n_columns; /* at least 1 */
        size_t n_cells;
        char **cells;
} Table;

#define TABLE_INIT(columns)                                                                        \
        (Table) {                                                                                  \
                .n_columns = (columns)                                                             \
        }

/* Copies text into the next cell. -ENOMEM. */
int table_add(Table *table, const char *text);

/* Prints with two spaces between columns, and none at the end of a line. */
void table_print(const Table *table, FILE *stream);

void table_done(Table *table);
