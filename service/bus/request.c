/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/request.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
#define KEY_SIZE       33

typedef struct Option {
        const char *key;
        char type[3];
        size_t value;    /* uint32_t or bool in the TapRequest, for the types u and b */
        size_t was_said; /* bool in the TapRequest; 0: it has none (the first member is no option)
                          */
        int (*set)(TapRequest *request, const char *value,
                        Failure *failure); /* for s; for as, each */
} Option;

#define AT(member) offsetof(TapRequest, member)

static const Option options[] = {
        { "queues", "u", AT(queues), AT(has_queues), NULL },
        { "label", "s", 0, 0, tap_request_set_label },
        { "guest_mac", "s", 0, 0, tap_request_set_guest_mac },
        { "mtu", "u", AT(mtu), AT(has_mtu), NULL },
        { "persistent", "b", AT(persistent), 0, NULL },
        { "owner", "u", AT(owner), AT(has_owner), NULL },
        { "isolated", "b", AT(isolated), AT(has_isolated), NULL },
        { "anti_spoof", "b", AT(anti_spoof), AT(has_anti_spoof), NULL },
        { "offloads", "as", 0, AT(has_offloads), tap_request_add_offload },
        { "vnet_hdr_size", "u", AT(vnet_hdr_size), AT(has_vnet_hdr_size), NULL },
};

#define N_OPTIONS (sizeof(options) / sizeof(*options))

static int malformed(Failure *failure) {
        return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                        "The arguments could not be read: they are (s bridge, b vnet_hdr, "
                        "b multiqueue, a{sv} options).");
}

static const Option *find_option(const char *key) {
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (strcmp(options[i].key, key) == 0)
                        return &options[i];
        return NULL;
}

/* A client's own words are not put before people's eyes, unless they are plain. */
static int refuse_key(const char *key, Failure *failure) {
        size_t n = strnlen(key, KEY_SIZE);
        bool plain = n > 0 && n < KEY_SIZE && strspn(key, KEY_CHARACTERS) == n;

        return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                        "There is no option \"%s\". See org.vnicd1(5) for those there are.",
                        plain ? key : "(not a plain word)");
}

static void *member(TapRequest *request, size_t offset) {
        return (char *)request + offset;
}

static int set_basic(
                sd_bus_message *call, const Option *option, TapRequest *request, Failure *failure) {
        union {
                uint32_t u;
                int b;
                const char *s;
        } value;

        if (sd_bus_message_read_basic(call, option->type[0], &value) <= 0)
                return malformed(failure);
        if (option->type[0] == 's')
                return option->set(request, value.s, failure);
        if (option->type[0] == 'u')
                *(uint32_t *)member(request, option->value) = value.u;
        else
                *(bool *)member(request, option->value) = value.b;
        return 0;
}

static int set_array(
                sd_bus_message *call, const Option *option, TapRequest *request, Failure *failure) {
        const char *element;
        int r;

        if (sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "s") < 0)
                return malformed(failure);
        while ((r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &element)) > 0) {
                r = option->set(request, element, failure);
                if (r < 0)
                        return r;
        }
        return r < 0 || sd_bus_message_exit_container(call) < 0 ? malformed(failure) : 0;
}

static int set_value(
                sd_bus_message *call, const Option *option, TapRequest *request, Failure *failure) {
        if (option->was_said > 0)
                *(bool *)member(request, option->was_said) = true;
        return option->type[0] == 'a' ? set_array(call, option, request, failure)
                                      : set_basic(call, option, request, failure);
}

static int read_value(
                sd_bus_message *call, const Option *option, TapRequest *request, Failure *failure) {
        const char *type;
        char kind;
        int r;

        if (sd_bus_message_peek_type(call, &kind, &type) <= 0)
                return malformed(failure);
        if (strcmp(type, option->type) != 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"%s\" is of the D-Bus type \"%s\"; something else was "
                                "given.",
                                option->key, option->type);
        if (sd_bus_message_enter_container(call, SD_BUS_TYPE_VARIANT, type) <= 0)
                return malformed(failure);
        r = set_value(call, option, request, failure);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(call) < 0 ? malformed(failure) : 0;
}

/* said: a bit for each option read so far. */
static int read_option(
                sd_bus_message *call, TapRequest *request, uint32_t *said, Failure *failure) {
        const Option *option;
        const char *key;
        uint32_t bit;
        int r;

        if (sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &key) <= 0)
                return malformed(failure);
        option = find_option(key);
        if (!option)
                return refuse_key(key, failure);
        bit = UINT32_C(1) << (option - options);
        if (*said & bit)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"%s\" was given twice.", option->key);
        *said |= bit;
        r = read_value(call, option, request, failure);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(call) < 0 ? malformed(failure) : 0;
}

static int read_options(sd_bus_message *call, TapRequest *request, Failure *failure) {
        uint32_t said = 0;
        int r;

        if (sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
                return malformed(failure);
        while ((r = sd_bus_message_enter_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
                r = read_option(call, request, &said, failure);
                if (r < 0)
                        return r;
        }
        return r < 0 || sd_bus_message_exit_container(call) < 0 ? malformed(failure) : 0;
}

int request_read(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure) {
        TapRequest request = TAP_REQUEST_INIT;
        int vnet_hdr, multiqueue, r;
        const char *bridge;

        if (sd_bus_message_read(call, "sbb", &bridge, &vnet_hdr, &multiqueue) <= 0)
                return malformed(failure);
        request.vnet_hdr = vnet_hdr;
        request.multiqueue = multiqueue;
        r = tap_request_set_bridge(&request, bridge, failure);
        if (r < 0)
                return r;
        r = read_options(call, &request, failure);
        if (r < 0)
                return r;
        r = tap_request_complete(&request, cpus, failure);
        if (r < 0)
                return r;
        *ret = request;
        return 0;
}
