/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define BLANKS " \t\r\v\f"

/* In place. */
static char *make_plain(char *text) {
        for (char *at = text; *at; at++)
                if (*at < ' ' || *at > '~')
                        *at = *at == '\t' ? ' ' : '?';
        return text;
}

static __attribute__((format(printf, 1, 0))) char *format_plain(const char *format, va_list args) {
        char *text;

        return vasprintf(&text, format, args) < 0 ? NULL : make_plain(text);
}

void import_comment(Import *import, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list args;

        va_start(args, format);
        text = format_plain(format, args);
        va_end(args);
        fprintf(import->output, "# %s\n", text ? text : "(no memory for this comment)");
}

void import_quote(Import *import, const ImportLine *line) {
        import_comment(import, "%s:%u: %s", line->file, line->number, line->text);
}

void import_leave_out(Import *import, const ImportLine *line, const char *format, ...) {
        _cleanup_free_ char *reason = NULL, *file = strdup(line->file);
        va_list args;

        va_start(args, format);
        reason = format_plain(format, args);
        va_end(args);
        import->n_left_out++;
        import_comment(import, "NOT CARRIED OVER: %s", reason ? reason : "There is no memory.");
        fprintf(import->warnings, "vnicctl: %s:%u: Not carried over: %s\n",
                        file ? make_plain(file) : "?", line->number,
                        reason ? reason : "There is no memory.");
}

static void split(ImportLine *line, char *text) {
        char *rest = NULL;

        line->n_words = 0;
        for (char *word = strtok_r(text, BLANKS, &rest); word && line->n_words < IMPORT_WORDS_MAX;
                        word = strtok_r(NULL, BLANKS, &rest))
                line->words[line->n_words++] = word;
}

/* A zero byte ends a line as it does for the programs whose file it is. */
static int take_line(ImportLine *line, const char *start, size_t n, import_each_line_t each,
                void *userdata) {
        _cleanup_free_ char *text = strndup(start, n), *words = strndup(start, n);

        if (!text || !words)
                return -ENOMEM;
        line->text = text;
        split(line, words);
        if (line->n_words == 0 || line->words[0][0] == '#')
                return 0;
        return each(line, userdata);
}

int import_each_line(const char *file, const char *text, size_t size, import_each_line_t each,
                void *userdata) {
        ImportLine line = { .file = file };
        const char *end = text + size;
        int r = 0;

        while (text < end && r == 0) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((newline ? newline : end) - text);

                line.number++;
                r = take_line(&line, text, n, each, userdata);
                text += n + 1;
        }
        return r;
}
