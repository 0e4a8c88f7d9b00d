/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/printable.h"
#include "config/config-file.h"

#define BLANKS " \t"

typedef struct Lines {
        ConfigPlace place;
        bool has_heading; /* a section has begun */
        const ConfigLinesHandler *handler;
        void *userdata;
        Failure *failure;
} Lines;

int config_refuse(const ConfigPlace *place, Failure *failure, const char *format, ...) {
        char shown[CONFIG_SHOWN_SIZE], sentence[sizeof(failure->text)];
        va_list args;

        va_start(args, format);
        vsnprintf(sentence, sizeof(sentence), format, args);
        va_end(args);
        return failure_set(failure, FAILURE_INVALID_CONFIGURATION, EINVAL, "%s:%u: %s",
                        config_show(place->file, shown, sizeof(shown)), place->line, sentence);
}

/* Comments are checked too: a control character can make an editor show something else. */
static int check_bytes(const Lines *lines, const char *line, size_t n) {
        for (const char *text = line; text < line + n;) {
                uint32_t character = 0;
                size_t length = utf8_decode(text, &character);

                if (length == 0 || (character >= 0xd800 && character < 0xe000))
                        return config_refuse(&lines->place, lines->failure,
                                        "The line is not UTF-8. Save the file as UTF-8.");
                if ((character < ' ' && character != '\t') ||
                                (character >= 0x7f && character < 0xa0))
                        return config_refuse(&lines->place, lines->failure,
                                        "There is a control character (0x%02x) in the line. Remove it.",
                                        (unsigned)character);
                text += length;
        }
        return 0;
}

/* Whether the value of the line is for people to read, and means nothing to the service. */
static bool is_text(const Lines *lines, const char *line) {
        const char *key = lines->handler->text_key;
        const size_t n = key ? strlen(key) : 0;

        return n > 0 && strncmp(line, key, n) == 0 && line[n + strspn(line + n, BLANKS)] == '=';
}

/* Letters outside of ASCII can look like others and name another user, and what a person takes for
 * a comment must not become part of the value. */
static int check_words(const Lines *lines, const char *line) {
        const bool text = is_text(lines, line);

        for (; *line; line++) {
                if ((unsigned char)*line >= 0x80 && !text)
                        return config_refuse(&lines->place, lines->failure,
                                        "Outside of comments a line has ASCII only, and a file begins with no byte order mark. Use a uid or gid where a name has other letters.");
                if (*line == '#' || *line == ';')
                        return config_refuse(&lines->place, lines->failure,
                                        "A comment stands on a line of its own. Move it to one.");
        }
        return 0;
}

/* Removes the blanks at both ends of the n bytes, in place. */
static char *trim(char *text, size_t n) {
        while (n > 0 && strchr(BLANKS, text[n - 1]))
                n--;
        text[n] = '\0';
        return text + strspn(text, BLANKS);
}

static int take_heading(Lines *lines, char *line) {
        char *end = strchr(line, ']');

        if (!end || end[1] != '\0')
                return config_refuse(&lines->place, lines->failure,
                                "The heading of a section ends with ']', and nothing follows it.");
        *end = '\0';
        lines->has_heading = true;
        return lines->handler->heading(lines->userdata, &lines->place, line + 1, lines->failure);
}

static int take_entry(const Lines *lines, char *line) {
        char *value = strchr(line, '=');

        if (!value)
                return config_refuse(&lines->place, lines->failure,
                                "This is neither [SECTION] nor KEY=VALUE. Write one of them.");
        if (!lines->has_heading)
                return config_refuse(&lines->place, lines->failure,
                                "The key stands outside of a section. Put a heading such as [Limits] before it.");
        return lines->handler->entry(lines->userdata, &lines->place,
                        trim(line, (size_t)(value - line)), trim(value + 1, strlen(value + 1)),
                        lines->failure);
}

static int take_line(Lines *lines, const char *text, size_t n) {
        _cleanup_free_ char *copy = strndup(text, n);
        char *line;
        int r;

        lines->place.line++;
        if (!copy)
                return -ENOMEM;
        r = check_bytes(lines, text, n);
        if (r < 0)
                return r;
        line = trim(copy, n);
        if (*line == '\0' || *line == '#' || *line == ';')
                return 0;
        r = check_words(lines, line);
        if (r < 0)
                return r;
        return *line == '[' ? take_heading(lines, line) : take_entry(lines, line);
}

int config_lines_parse(const char *file, const char *text, size_t size,
                const ConfigLinesHandler *handler, void *userdata, Failure *failure) {
        const char *end = text + size;
        Lines lines = {
                .place.file = file,
                .handler = handler,
                .userdata = userdata,
                .failure = failure,
        };
        int r = 0;

        while (text < end && r >= 0) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((newline ? newline : end) - text);

                r = take_line(&lines, text, n);
                text += n + 1;
        }
        return r < 0 ? r : 0;
}
