/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cell.h"

/*
 * The type of a value decides how it is formatted; a few keys of the D-Bus contract have a format
 * of their own (a uid as a name, a time as a date, warnings as sentences). Knows nothing about
 * tables. Pure except for the user database and the time zone.
 */

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"

#define USEC_PER_SEC 1000000

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *pattern, ...) {
        va_list args;
        char *text;
        int r;

        va_start(args, pattern);
        r = vasprintf(&text, pattern, args);
        va_end(args);
        return r < 0 ? NULL : text;
}

static char *format_user(const json_t *object, const json_t *value) {
        const struct passwd *user = getpwuid((uid_t)json_integer_value(value));

        return user ? strdup(user->pw_name)
                    : format("%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

static char *format_time(const json_t *object, const json_t *value) {
        time_t seconds = (time_t)(json_integer_value(value) / USEC_PER_SEC);
        struct tm parts;
        char text[64];

        if (!localtime_r(&seconds, &parts) ||
                        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &parts) == 0)
                return strdup("-");
        return strdup(text);
}

static char *format_mask(const json_t *object, const json_t *value) {
        return format("0x%" PRIx64, (uint64_t)json_integer_value(value));
}

/* "3/1023": used and possible. */
static char *format_ports(const json_t *object, const json_t *value) {
        return format("%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT, json_integer_value(value),
                        json_integer_value(json_object_get(object, "ports_max")));
}

static const struct {
        const char *key;
        char *(*format)(const json_t *object, const json_t *value);
} special_keys[] = {
        { "owner", format_user },
        { "created", format_time },
        { "offload_mask", format_mask },
        { "ports", format_ports },
};

static char *format_plain(const json_t *value) {
        if (json_is_string(value))
                return strdup(json_string_length(value) > 0 ? json_string_value(value) : "-");
        if (json_is_boolean(value))
                return strdup(json_is_true(value) ? "yes" : "no");
        if (!value || json_is_null(value))
                return strdup("-");
        return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* Appends a word; frees text and word. NULL: out of memory. */
static char *append_word(char *text, const char *separator, char *word) {
        _cleanup_free_ char *before = text, *after = word;

        if (!after)
                return NULL;
        return before ? format("%s%s%s", before, separator, after) : TAKE_PTR(after);
}

static char *format_array(const json_t *array, const char *separator) {
        char *text = NULL;
        json_t *value;
        size_t i;

        json_array_foreach(array, i, value) {
                text = append_word(text, separator, format_plain(value));
                if (!text)
                        return NULL;
        }
        return text ? text : strdup("-");
}

char *cell_text(const json_t *object, const char *key) {
        const json_t *value = json_object_get(object, key);

        if (json_is_array(value))
                return format_array(value, strcmp(key, "warnings") == 0 ? "; " : " ");
        if (json_is_integer(value))
                for (size_t i = 0; i < sizeof(special_keys) / sizeof(special_keys[0]); i++)
                        if (strcmp(special_keys[i].key, key) == 0)
                                return special_keys[i].format(object, value);
        return format_plain(value);
}
