/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-lines.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/config-file.h"

#define BLANKS " \t"

typedef struct Lines {
        ConfigPlace place;
        const char *next, *end; /* what is not read yet */
        bool has_heading;       /* one was read */
        const ConfigLinesHandler *handler;
        void *userdata;
        Failure *failure;
        int error; /* of the first line that is wrong */
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

/* How many bytes the UTF-8 character at text has; 0: it is none. Past a zero byte it does not look.
 */
static size_t character_length(const unsigned char *text) {
        uint32_t code = text[0];
        size_t n;

        if (code < 0x80)
                return 1;
        n = code >= 0xf0 && code < 0xf5               ? 4
                        : code >= 0xe0 && code < 0xf0 ? 3
                        : code >= 0xc2                ? 2
                                                      : 0;
        if (n == 0 || code >= 0xf5)
                return 0;
        code &= 0x7fU >> n;
        for (size_t i = 1; i < n; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (text[i] & 0x3f);
        }
        if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) || code > 0x10ffff ||
                        (code >= 0xd800 && code < 0xe000))
                return 0;
        return n;
}

static bool is_control(const unsigned char *text) {
        if (text[0] == 0xc2 && text[1] < 0xa0) /* C1 */
                return true;
        return (text[0] < ' ' && text[0] != '\t') || text[0] == 0x7f;
}

static int check_bytes(Lines *lines, const char *line, size_t n) {
        const unsigned char *text = (const unsigned char *)line, *end = text + n;

        while (text < end) {
                size_t length = character_length(text);

                if (length == 0)
                        return config_refuse(&lines->place, lines->failure,
                                        "The line is not UTF-8. Save the file as UTF-8.");
                if (is_control(text))
                        return config_refuse(&lines->place, lines->failure,
                                        "There is a control character (0x%02x) in the line. Remove it.",
                                        text[0] == 0xc2 ? text[1] : text[0]);
                text += length;
        }
        return 0;
}

/* The heading is told from here: inih would pass over a section without keys. */
static int read_heading(Lines *lines, const char *line, size_t n) {
        _cleanup_free_ char *heading = NULL;

        if (line[n - 1] != ']' || memchr(line, ']', n) != line + n - 1)
                return config_refuse(&lines->place, lines->failure,
                                "The heading of a section ends with ']', and nothing follows it.");
        heading = strndup(line + 1, n - 2);
        if (!heading)
                return -ENOMEM;
        lines->has_heading = true;
        return lines->handler->heading(lines->userdata, &lines->place, heading, lines->failure);
}

/* line has no blanks around it, and is neither empty nor a comment. */
static int check_line(Lines *lines, const char *line, size_t n, size_t most) {
        for (size_t i = 0; i < n; i++) {
                if ((unsigned char)line[i] >= 0x80)
                        return config_refuse(&lines->place, lines->failure,
                                        "Outside of comments a line has ASCII only, and a file begins with no byte order mark. Use a uid or gid where a name has other letters.");
                if (line[i] == '#' || line[i] == ';')
                        return config_refuse(&lines->place, lines->failure,
                                        "A comment stands on a line of its own. Move it to one.");
        }
        if (n > most)
                return config_refuse(&lines->place, lines->failure,
                                "The line is too long: it may have %zu bytes. Divide it: lists add up, so give the rest in another line with the same key.",
                                most);
        if (line[0] == '[')
                return read_heading(lines, line, n);
        if (!memchr(line, '=', n) || line[strcspn(line, "=:")] != '=')
                return config_refuse(&lines->place, lines->failure,
                                "This is neither [SECTION] nor KEY=VALUE. Write one of them.");
        return 0;
}

/* Copies the next line as inih is to see it: without blanks around it, and empty for a comment. */
static int next_line(Lines *lines, char *buffer, size_t size) {
        const char *line = lines->next;
        size_t n = strcspn(line, "\n");
        int r;

        lines->place.line++;
        lines->next = line + n < lines->end && line[n] == '\n' ? line + n + 1 : line + n;
        if (line[n] == '\0' && line + n < lines->end)
                n++; /* a zero byte: let it be refused */
        r = check_bytes(lines, line, n);
        if (r < 0)
                return r;
        while (n > 0 && strchr(BLANKS, line[0]))
                line++, n--;
        while (n > 0 && strchr(BLANKS, line[n - 1]))
                n--;
        if (n > 0 && (line[0] == '#' || line[0] == ';'))
                n = 0;
        if (n > 0)
                r = check_line(lines, line, n, size - 2);
        if (r < 0)
                return r;
        memcpy(buffer, line, n);
        memcpy(buffer + n, "\n", 2);
        return 0;
}

/* An ini_reader, called once a line. The end of the file is also the way to stop inih. */
static char *read_line(char *buffer, int size, void *userdata) {
        Lines *lines = userdata;

        if (lines->error < 0 || lines->next >= lines->end || size < 3)
                return NULL;
        lines->error = next_line(lines, buffer, (size_t)size);
        return lines->error < 0 ? NULL : buffer;
}

/* An ini_handler, called before the next line is read. The section is the one of the last heading:
 * inih would cut a long name. */
static int take_entry(void *userdata, const char *section, const char *key, const char *value) {
        Lines *lines = userdata;

        if (!lines->has_heading)
                lines->error = config_refuse(&lines->place, lines->failure,
                                "The key stands outside of a section. Put a heading such as [Limits] before it.");
        else
                lines->error = lines->handler->entry(
                                lines->userdata, &lines->place, key, value, lines->failure);
        return lines->error >= 0;
}

int config_lines_parse(const char *file, const char *text, size_t size,
                const ConfigLinesHandler *handler, void *userdata, Failure *failure) {
        Lines lines = {
                .place.file = file,
                .next = text,
                .end = text + size,
                .handler = handler,
                .userdata = userdata,
                .failure = failure,
        };
        int r;

        r = ini_parse_stream(read_line, &lines, take_entry, &lines);
        if (lines.error < 0)
                return lines.error;
        if (r == 0 && lines.next < lines.end)
                r = -2;
        if (r < 0)
                return -ENOMEM;
        if (r > 0) {
                lines.place.line = (unsigned)r;
                return config_refuse(&lines.place, failure,
                                "This is neither [SECTION] nor KEY=VALUE. Write one of them.");
        }
        return 0;
}
