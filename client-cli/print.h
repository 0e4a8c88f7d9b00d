/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What vnicctl writes to standard output: JSON for programs, tables for people, both from the same
 * JSON values. Everything is flushed at once, and a write error is a failure.
 */

#include <jansson.h>
#include <stddef.h>

#include "status.h"

typedef struct Column {
        const char *title;
        const char *key;
} Column;

/* Prints indented JSON. */
Status print_json(const json_t *value);

/* Prints JSON on one line. */
Status print_json_line(const json_t *value);

/* Prints an array of objects as a table with a line of titles. */
Status print_rows(const json_t *rows, const Column columns[], size_t n_columns);

/* The same; the warnings of each object, which are sentences, follow the table, one a line,
 * prefixed with the value of key. */
Status print_rows_and_warnings(
                const json_t *rows, const Column columns[], size_t n_columns, const char *key);

/* Prints an object as lines of "key value", with '-' for '_' in keys, and each warning on a line of
 * its own. */
Status print_object(const json_t *object);

/* Flushes what was written to standard output by other means. */
Status print_flush(void);
