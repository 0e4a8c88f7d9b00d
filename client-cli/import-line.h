/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines of a file that is imported, and how they are written about. Both formats have words with
 * blanks between them, and "#" before a comment.
 */

#include "import.h"

#define IMPORT_WORDS_MAX 5 /* more are not looked at */

typedef struct ImportLine {
        const char *file;
        unsigned number;  /* from 1 */
        const char *text; /* without the newline */
        char *words[IMPORT_WORDS_MAX];
        size_t n_words; /* at least 1 */
} ImportLine;

/* Returns 0, or what ends the loop. */
typedef int (*import_each_line_t)(const ImportLine *line, void *userdata);

/* Calls each for every line that is neither empty nor a comment. What each returned. -ENOMEM. */
int import_each_line(const char *file, const char *text, size_t size, import_each_line_t each,
                void *userdata);

/* Writes a comment to the output; bytes that are not printable ASCII become "?". */
void import_comment(Import *import, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The line itself, as a comment. */
void import_quote(Import *import, const ImportLine *line);

/* Says in a comment and a warning why the line is not carried over, and counts it. The reason is a
 * sentence. */
void import_leave_out(Import *import, const ImportLine *line, const char *format, ...)
                __attribute__((format(printf, 3, 4)));
