/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/credentials.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus-cleanup.h"

#define ASK_TIMEOUT_USEC (10 * UINT64_C(1000000))

/* Both are 32 bits wide in the kernel and on the bus. */
_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t), "");

int credentials_ask(sd_bus *bus, sd_bus_slot **ret, const char *name,
                sd_bus_message_handler_t answered, void *userdata) {
        _cleanup_sd_message_ sd_bus_message *question = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &question, "org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                        "GetConnectionCredentials");
        if (r >= 0)
                r = sd_bus_message_append_basic(question, SD_BUS_TYPE_STRING, name);
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, ret, question, answered, userdata, ASK_TIMEOUT_USEC);
}

static int read_groups(sd_bus_message *answer, Credentials *credentials) {
        const void *groups;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_VARIANT, "au");
        if (r >= 0)
                r = sd_bus_message_read_array(answer, SD_BUS_TYPE_UINT32, &groups, &size);
        if (r < 0)
                return r;
        credentials->tells_groups = true;
        if (credentials->groups || size == 0)
                return sd_bus_message_exit_container(answer);
        credentials->groups = malloc(size);
        if (!credentials->groups)
                return -ENOMEM;
        memcpy(credentials->groups, groups, size);
        credentials->n_groups = size / sizeof(gid_t);
        return sd_bus_message_exit_container(answer);
}

int credentials_read(sd_bus_message *answer, Credentials *credentials) {
        bool has_uid = false;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_ARRAY, "{sv}");
        while (r >= 0 &&
                        (r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_DICT_ENTRY, "sv")) >
                                        0) {
                r = sd_bus_message_read_basic(answer, SD_BUS_TYPE_STRING, &key);
                if (r < 0)
                        return r;
                if (strcmp(key, "UnixUserID") == 0) {
                        r = sd_bus_message_read(answer, "v", "u", &credentials->uid);
                        has_uid = r >= 0;
                } else if (strcmp(key, "UnixGroupIDs") == 0)
                        r = read_groups(answer, credentials);
                else
                        r = sd_bus_message_skip(answer, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(answer);
        }
        return r < 0 ? r : has_uid ? 0 : -ENODATA;
}

void credentials_done(Credentials *credentials) {
        free(credentials->groups);
}
