/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/message-size.h"

#include <stdint.h>
#include <string.h>

#define SMALL (64 * 1024)

/* Each value counts at least as much as the largest that has no length. */
#define VALUE 8

/* false: the rest is used up. */
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

/* What is left of the message or of the container; containers are nested 64 deep at most. The same. */
static int read_all(sd_bus_message *message, size_t *rest) {
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
                if (!take(rest, VALUE))
                        return 0;
                if (!strchr("avre", type)) {
                        r = read_one(message, type, rest);
                } else {
                        r = sd_bus_message_enter_container(message, type, contents);
                        if (r > 0)
                                r = read_all(message, rest);
                        if (r > 0 && sd_bus_message_exit_container(message) < 0)
                                r = -1;
                }
                if (r <= 0)
                        return r;
        }
        return r < 0 ? r : 1;
}

bool message_is_small(sd_bus_message *message) {
        const char *path = sd_bus_message_get_path(message);
        size_t rest = SMALL;
        int r = 0;

        if (take(&rest, path ? strlen(path) : 0) && sd_bus_message_rewind(message, true) >= 0)
                r = read_all(message, &rest);
        return sd_bus_message_rewind(message, true) >= 0 && r > 0;
}
