/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/message-size.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SMALL (64 * 1024)

/* Each value counts at least as much as the largest type of fixed size. */
#define VALUE 8

/* Dictionary entries count more, as an option takes long to read, and no call has more than some
 * twenty. */
#define ENTRY 256

/* Types whose arrays sd-bus returns in one piece. */
#define NUMBERS "ynqiuxtd"

/* false: the limit is exceeded. */
static bool take(size_t *rest, size_t size) {
        const bool fits = size <= *rest;

        *rest = fits ? *rest - size : 0;
        return fits;
}

/* > 0: go on. 0: it is too much. -errno: malformed. */
static int read_one(sd_bus_message *message, char type, size_t *rest) {
        union {
                const char *text;
                uint8_t bytes[VALUE];
        } value;
        int r = sd_bus_message_read_basic(message, type, &value);

        if (r < 0)
                return r;
        if (strchr("sog", type))
                return take(rest, strlen(value.text));
        return 1;
}

/* Reads an array without looking at its elements one by one. Returns the same. */
static int read_numbers(sd_bus_message *message, char type, size_t *rest) {
        const void *numbers;
        size_t size;
        int r = sd_bus_message_read_array(message, type, &numbers, &size);

        return r < 0 ? r : take(rest, size);
}

static int read_all(sd_bus_message *message, size_t *rest);

/* Returns the same. */
static int read_container(sd_bus_message *message, char type, const char *contents, size_t *rest) {
        int r;

        /* To enter it, sd-bus parses its signature, which takes as long as reading that many
         * values. */
        if (!take(rest, VALUE * strlen(contents)))
                return 0;
        if (type == SD_BUS_TYPE_ARRAY && contents[1] == '\0' && strchr(NUMBERS, *contents))
                return read_numbers(message, *contents, rest);
        r = sd_bus_message_enter_container(message, type, contents);
        if (r > 0)
                r = read_all(message, rest);
        return r > 0 && sd_bus_message_exit_container(message) < 0 ? -EBADMSG : r;
}

/* Reads the rest of the message or container; containers are nested 64 deep at most. Returns the
 * same. */
static int read_all(sd_bus_message *message, size_t *rest) {
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
                if (!take(rest, type == SD_BUS_TYPE_DICT_ENTRY ? ENTRY : VALUE))
                        return 0;
                r = strchr("avre", type) ? read_container(message, type, contents, rest)
                                         : read_one(message, type, rest);
                if (r <= 0)
                        return r;
        }
        return r < 0 ? r : 1;
}

int message_check_size(sd_bus_message *message, Failure *failure) {
        const char *path = sd_bus_message_get_path(message);
        size_t rest = SMALL;
        int r = 0;

        if (take(&rest, path ? strlen(path) : 0) && sd_bus_message_rewind(message, true) >= 0)
                r = read_all(message, &rest);
        if (sd_bus_message_rewind(message, true) >= 0 && r > 0)
                return 0;
        return failure_set(failure, FAILURE_INVALID_ARGS, EMSGSIZE,
                        "The call is malformed, or larger than 64 KiB, which none has to be. Leave out what is too long.");
}
