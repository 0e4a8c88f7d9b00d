/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/method-options.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
#define KEY_SIZE       33

/* The state while a call is read. */
typedef struct Reading {
        sd_bus_message *call;
        const OptionTable *table;
        void *target;
} Reading;

int options_refuse(const OptionTable *table, Failure *failure) {
        return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                        "The arguments could not be read: they are %s.", table->arguments);
}

static const Option *find_option(const OptionTable *table, const char *key) {
        for (size_t i = 0; i < table->n; i++)
                if (strcmp(table->options[i].key, key) == 0)
                        return &table->options[i];
        return NULL;
}

/* A client's text is only shown to people if it is plain. */
static int refuse_key(const char *key, Failure *failure) {
        size_t n = strnlen(key, KEY_SIZE);
        bool plain = n > 0 && n < KEY_SIZE && strspn(key, KEY_CHARACTERS) == n;

        return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                        "There is no option \"%s\". See org.vnicd1(5) for those there are.",
                        plain ? key : "(not a plain word)");
}

static void *member(void *target, size_t offset) {
        return (char *)target + offset;
}

static int set_basic(const Reading *reading, const Option *option, Failure *failure) {
        union {
                uint32_t u;
                int b;
                const char *s;
        } value;

        if (sd_bus_message_read_basic(reading->call, option->type[0], &value) <= 0)
                return options_refuse(reading->table, failure);
        if (option->type[0] == 's')
                return option->set(reading->target, value.s, failure);
        if (option->type[0] == 'u')
                *(uint32_t *)member(reading->target, option->value) = value.u;
        else
                *(bool *)member(reading->target, option->value) = value.b;
        return 0;
}

static int set_array(const Reading *reading, const Option *option, Failure *failure) {
        const char *element;
        int r;

        if (sd_bus_message_enter_container(reading->call, SD_BUS_TYPE_ARRAY, "s") < 0)
                return options_refuse(reading->table, failure);
        while ((r = sd_bus_message_read_basic(reading->call, SD_BUS_TYPE_STRING, &element)) > 0) {
                r = option->set(reading->target, element, failure);
                if (r < 0)
                        return r;
        }
        return r < 0 || sd_bus_message_exit_container(reading->call) < 0
                        ? options_refuse(reading->table, failure)
                        : 0;
}

static int set_value(const Reading *reading, const Option *option, Failure *failure) {
        if (option->is_set > 0)
                *(bool *)member(reading->target, option->is_set) = true;
        return option->type[0] == 'a' ? set_array(reading, option, failure)
                                      : set_basic(reading, option, failure);
}

static int read_value(const Reading *reading, const Option *option, Failure *failure) {
        const char *type;
        char kind;
        int r;

        if (sd_bus_message_peek_type(reading->call, &kind, &type) <= 0)
                return options_refuse(reading->table, failure);
        if (strcmp(type, option->type) != 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"%s\" is of the D-Bus type \"%s\"; something else was given.",
                                option->key, option->type);
        if (sd_bus_message_enter_container(reading->call, SD_BUS_TYPE_VARIANT, type) <= 0)
                return options_refuse(reading->table, failure);
        r = set_value(reading, option, failure);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(reading->call) < 0
                        ? options_refuse(reading->table, failure)
                        : 0;
}

/* seen: a bit for each option read so far. */
static int read_option(const Reading *reading, uint32_t *seen, Failure *failure) {
        const Option *option;
        const char *key;
        uint32_t bit;
        int r;

        if (sd_bus_message_read_basic(reading->call, SD_BUS_TYPE_STRING, &key) <= 0)
                return options_refuse(reading->table, failure);
        option = find_option(reading->table, key);
        if (!option)
                return refuse_key(key, failure);
        bit = UINT32_C(1) << (option - reading->table->options);
        if (*seen & bit)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"%s\" was given twice.", option->key);
        *seen |= bit;
        r = read_value(reading, option, failure);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(reading->call) < 0
                        ? options_refuse(reading->table, failure)
                        : 0;
}

int options_read(sd_bus_message *call, const OptionTable *table, void *target, Failure *failure) {
        const Reading reading = { .call = call, .table = table, .target = target };
        uint32_t seen = 0;
        int r;

        if (sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
                return options_refuse(table, failure);
        while ((r = sd_bus_message_enter_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
                r = read_option(&reading, &seen, failure);
                if (r < 0)
                        return r;
        }
        return r < 0 || sd_bus_message_exit_container(call) < 0 ? options_refuse(table, failure)
                                                                : 0;
}
