/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/caller.h"

#include <errno.h>
#include <string.h>

#include "bus/cleanup.h"

static int ask_bus(sd_bus_message *call, uid_t *ret) {
        _cleanup_sd_creds_ sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
        if (r < 0)
                return r;
        if (sd_bus_creds_get_augmented_mask(creds) & SD_BUS_CREDS_EUID)
                return -EPERM;
        return sd_bus_creds_get_euid(creds, ret);
}

int callers_uid(Callers *callers, sd_bus_message *call, uid_t *ret, Failure *failure) {
        const char *name = sd_bus_message_get_sender(call);
        Caller *caller;
        uid_t uid;

        if (!name || strlen(name) >= CALLER_NAME_SIZE)
                return failure_set(
                                failure, FAILURE_ACCESS_DENIED, EACCES, "The call has no sender.");
        for (size_t i = 0; i < CALLERS_KNOWN; i++)
                if (strcmp(callers->known[i].name, name) == 0) {
                        *ret = callers->known[i].uid;
                        return 0;
                }
        if (ask_bus(call, &uid) < 0)
                return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The bus does not say who you are.");
        caller = &callers->known[callers->next++ % CALLERS_KNOWN];
        memcpy(caller->name, name, strlen(name) + 1);
        caller->uid = uid;
        *ret = uid;
        return 0;
}
