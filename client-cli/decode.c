/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decode.h"

/*
 * Decodes whatever the message contains, by its own signature: the caller has checked that and
 * knows the meaning. D-Bus bounds the depth, so recursion is bounded.
 */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "text.h"

/* Holds any of the basic types. */
typedef union Basic {
        uint8_t byte;
        int16_t int16;
        uint16_t uint16;
        int32_t int32;
        uint32_t uint32;
        int64_t int64;
        uint64_t uint64;
        int boolean;
        double real;
        const char *text;
} Basic;

static json_t *json_clean_string(const char *text) {
        _cleanup_free_ char *copy = strdup(text);

        return copy ? json_string(text_clean(copy)) : NULL;
}

static json_t *json_from_uint64(uint64_t value) {
        return value <= LLONG_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

static json_t *json_from_basic(char type, const Basic *basic) {
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                return json_integer(basic->byte);
        case SD_BUS_TYPE_BOOLEAN:
                return json_boolean(basic->boolean);
        case SD_BUS_TYPE_INT16:
                return json_integer(basic->int16);
        case SD_BUS_TYPE_UINT16:
                return json_integer(basic->uint16);
        case SD_BUS_TYPE_INT32:
                return json_integer(basic->int32);
        case SD_BUS_TYPE_UINT32:
                return json_integer(basic->uint32);
        case SD_BUS_TYPE_INT64:
                return json_integer(basic->int64);
        case SD_BUS_TYPE_UINT64:
                return json_from_uint64(basic->uint64);
        case SD_BUS_TYPE_DOUBLE:
                return json_real(basic->real);
        case SD_BUS_TYPE_UNIX_FD:
                return json_null();
        default:
                return json_clean_string(basic->text);
        }
}

static int decode_basic(sd_bus_message *message, char type, json_t **ret) {
        Basic basic;
        json_t *value;
        int r;

        r = sd_bus_message_read_basic(message, type, &basic);
        if (r < 0)
                return r;
        value = json_from_basic(type, &basic);
        if (!value)
                return -ENOMEM;
        *ret = value;
        return 0;
}

/* Reads the key of a dictionary entry as a new string. Keys that are not strings are formatted as
 * JSON. */
static int decode_key(sd_bus_message *message, char **ret) {
        _cleanup_(json_decrefp) json_t *key = NULL;
        int r;

        r = decode_value(message, &key);
        if (r < 0)
                return r;
        *ret = json_is_string(key) ? strdup(json_string_value(key))
                                   : json_dumps(key, JSON_ENCODE_ANY);
        return *ret ? 0 : -ENOMEM;
}

static int decode_entry(sd_bus_message *message, const char *contents, json_t *object) {
        _cleanup_(json_decrefp) json_t *value = NULL;
        _cleanup_free_ char *key = NULL;
        int r;

        r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, contents);
        if (r < 0)
                return r;
        r = decode_key(message, &key);
        if (r < 0)
                return r;
        r = decode_value(message, &value);
        if (r < 0)
                return r;
        if (json_object_set(object, key, value) < 0)
                return -ENOMEM;
        return sd_bus_message_exit_container(message);
}

/* Adds all values up to the end of the current container. */
static int decode_rest(sd_bus_message *message, json_t *collection) {
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
                json_t *value = NULL;

                if (type == SD_BUS_TYPE_DICT_ENTRY)
                        r = decode_entry(message, contents, collection);
                else
                        r = decode_value(message, &value);
                if (r < 0)
                        return r;
                if (value && json_array_append_new(collection, value) < 0)
                        return -ENOMEM;
        }
        return r;
}

static int decode_container(
                sd_bus_message *message, char type, const char *contents, json_t **ret) {
        _cleanup_(json_decrefp) json_t *collection = NULL;
        int r;

        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;
        collection = contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN ? json_object() : json_array();
        if (!collection)
                return -ENOMEM;
        r = decode_rest(message, collection);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(collection);
        return 0;
}

static int decode_variant(sd_bus_message *message, const char *contents, json_t **ret) {
        _cleanup_(json_decrefp) json_t *value = NULL;
        int r;

        r = sd_bus_message_enter_container(message, SD_BUS_TYPE_VARIANT, contents);
        if (r < 0)
                return r;
        r = decode_value(message, &value);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return 0;
}

int decode_value(sd_bus_message *message, json_t **ret) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -ENODATA;
        if (type == SD_BUS_TYPE_VARIANT)
                return decode_variant(message, contents, ret);
        if (type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_STRUCT)
                return decode_container(message, type, contents, ret);
        return decode_basic(message, type, ret);
}

int decode_body(sd_bus_message *message, json_t **ret) {
        _cleanup_(json_decrefp) json_t *body = json_array();
        int r;

        if (!body)
                return -ENOMEM;
        r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return r;
        r = decode_rest(message, body);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(body);
        return 0;
}

/* Returns a new string; NULL: out of memory. */
static char *snake_case(const char *name) {
        char *snake = malloc(2 * strlen(name) + 1), *to = snake;

        if (!snake)
                return NULL;
        for (const char *from = name; *from; from++) {
                if (isupper((unsigned char)*from) && from > name)
                        *to++ = '_';
                *to++ = (char)tolower((unsigned char)*from);
        }
        *to = '\0';
        return snake;
}

int decode_add_properties(json_t *object, const json_t *properties) {
        const char *name;
        json_t *value;

        json_object_foreach((json_t *)properties, name, value) {
                _cleanup_free_ char *key = snake_case(name);

                if (!key || json_object_set(object, key, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}
