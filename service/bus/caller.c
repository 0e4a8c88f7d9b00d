/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/caller.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "bus/cleanup.h"

#define ASK_TIMEOUT_USEC (10 * UINT64_C(1000000))

/* Both are 32 bits wide in the kernel and on the bus. */
_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t), "");

static int read_groups(sd_bus_message *answer, Caller *caller) {
        const void *groups;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_VARIANT, "au");
        if (r >= 0)
                r = sd_bus_message_read_array(answer, SD_BUS_TYPE_UINT32, &groups, &size);
        if (r < 0)
                return r;
        if (caller->groups || size == 0)
                return sd_bus_message_exit_container(answer);
        caller->groups = malloc(size);
        if (!caller->groups)
                return -ENOMEM;
        memcpy(caller->groups, groups, size);
        caller->n_groups = size / sizeof(gid_t);
        return sd_bus_message_exit_container(answer);
}

/* Adds to *caller, also where it fails. */
static int read_credentials(sd_bus_message *answer, Caller *caller) {
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
                        r = sd_bus_message_read(answer, "v", "u", &caller->uid);
                        has_uid = r >= 0;
                } else if (strcmp(key, "UnixGroupIDs") == 0)
                        r = read_groups(answer, caller);
                else
                        r = sd_bus_message_skip(answer, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(answer);
        }
        return r < 0 ? r : has_uid ? 0 : -ENODATA;
}

static int ask_bus(sd_bus_message *call, const char *name, Caller *caller) {
        _cleanup_sd_message_ sd_bus_message *question = NULL, *answer = NULL;
        sd_bus *bus = sd_bus_message_get_bus(call);
        int r;

        r = sd_bus_message_new_method_call(bus, &question, "org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                        "GetConnectionCredentials");
        if (r >= 0)
                r = sd_bus_message_append_basic(question, SD_BUS_TYPE_STRING, name);
        if (r >= 0)
                r = sd_bus_call(bus, question, ASK_TIMEOUT_USEC, NULL, &answer);
        return r < 0 ? r : read_credentials(answer, caller);
}

static const Caller *find_known(const Callers *callers, const char *name) {
        for (size_t i = 0; i < CALLERS_KNOWN; i++)
                if (strcmp(callers->known[i].name, name) == 0)
                        return &callers->known[i];
        return NULL;
}

void callers_done(Callers *callers) {
        for (size_t i = 0; i < CALLERS_KNOWN; i++)
                free(callers->known[i].groups);
        *callers = (Callers){ 0 };
}

/* name: known to fit. -EACCES, -ENOMEM */
static int learn(Callers *callers, sd_bus_message *call, const char *name, const Caller **ret) {
        Caller caller = { .uid = (uid_t)-1 }, *place;
        int r;

        memcpy(caller.name, name, strlen(name) + 1);
        r = ask_bus(call, name, &caller);
        if (r < 0) {
                free(caller.groups);
                return r == -ENOMEM ? r : -EACCES;
        }
        place = &callers->known[callers->next++ % CALLERS_KNOWN];
        free(place->groups);
        *place = caller;
        *ret = place;
        return 0;
}

int callers_find(Callers *callers, sd_bus_message *call, Subject *ret, Failure *failure) {
        const char *name = sd_bus_message_get_sender(call);
        const Caller *caller;
        int r;

        if (!name || *name != ':' || strlen(name) >= CALLER_NAME_SIZE)
                return failure_set(
                                failure, FAILURE_ACCESS_DENIED, EACCES, "The call has no sender.");
        caller = find_known(callers, name);
        if (!caller) {
                r = learn(callers, call, name, &caller);
                if (r == -EACCES)
                        return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                                        "The bus does not say who you are.");
                if (r < 0)
                        return r;
        }
        *ret = (Subject){
                .uid = caller->uid,
                .groups = caller->groups,
                .n_groups = caller->n_groups,
        };
        return 0;
}
