/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What vnicctl writes to standard output: JSON for programs, tables for people, both from the same
 * JSON values. All of it is flushed at once, and a failure to write is a failure.
 */

#include <jansson.h>
#include <stddef.h>

#include "status.h"

typedef struct Column {
        const char *title;
        const char *key;
} Column;

/* Indented over several lines. */
Status print_json(const json_t *value);

/* One line. */
Status print_json_line(const json_t *value);

/* An array of objects as a table with a line of titles. */
Status print_rows(const json_t *rows, const Column columns[], size_t n_columns);

/* The same; the warnings of each, which are sentences, stand below the table, a line each behind
 * what the key has for it. */
Status print_rows_and_warnings(
                const json_t *rows, const Column columns[], size_t n_columns, const char *key);

/* An object as lines of "key  value", each key with '-' for '_', and each warning in a line of its
 * own. */
Status print_object(const json_t *object);

/* Flushes what was written to standard output by other means. */
Status print_flush(void);
