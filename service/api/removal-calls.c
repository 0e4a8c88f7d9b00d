/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/removal-calls.h"

#include <errno.h>
#include <string.h>

#include "access/audit.h"
#include "bus/bus-cleanup.h"

/* Without memory for the waiter the call fails, and the endpoint stays. */
static void release_one(Service *service, Call *call, Endpoint *endpoint) {
        RemovalWaiter *waiter = call_wait_for(call);
        const bool is_first = endpoint->state == ENDPOINT_LIVE;
        int r = waiter ? manager_release(service->manager, endpoint, waiter) : 0;

        if (r < 0)
                waiter->removed(waiter, r);
        else if (waiter && is_first)
                audit_released(service->users, endpoint->tag.nonce, endpoint->tag.uid,
                                call_subject(call)->uid, call->caller->name);
}

static int answer_failure(const Call *call, int error) {
        _cleanup_(sd_bus_error_free) sd_bus_error answer = SD_BUS_ERROR_NULL;
        Failure failure = FAILURE_INIT;

        if (error == -ESTALE)
                failure_set(&failure, FAILURE_STALE, ESTALE,
                                "The interface no longer belongs to vnicd: its tag, kind or group was changed. It was not deleted.");
        else
                failure_kernel(&failure, -error, "delete the interface", NULL);
        error_answer(&answer, &failure, error);
        return sd_bus_reply_method_error(call->entry.message, &answer);
}

static int answer_removal(Call *call, int error, void *userdata) {
        return error < 0 ? answer_failure(call, error)
                         : sd_bus_reply_method_return(call->entry.message, NULL);
}

static int answer_removals(Call *call, int error, void *userdata) {
        return error < 0 ? answer_failure(call, error)
                         : sd_bus_reply_method_return(call->entry.message, "u", call->n_blocked_on);
}

int removal_release(Service *service, Call *call, Endpoint *endpoint) {
        call_block(call, answer_removal, NULL);
        release_one(service, call, endpoint);
        return 1;
}

static bool filter_passes(Service *service, const Call *call, const ReleaseFilter *filter,
                const Endpoint *endpoint) {
        char name[IFNAMSIZ];

        if (endpoint->tag.uid != call_subject(call)->uid)
                return false;
        if (filter->label_prefix &&
                        strncmp(endpoint->tag.label, filter->label_prefix,
                                        strlen(filter->label_prefix)) != 0)
                return false;
        if (filter->this_connection &&
                        !(endpoint->creator && strcmp(endpoint->creator, call->caller->name) == 0))
                return false;
        return !filter->bridge ||
                        strcmp(manager_bridge_of(service->manager, endpoint, name),
                                        filter->bridge) == 0;
}

int removal_release_own(Service *service, Call *call, const ReleaseFilter *filter) {
        Endpoint *endpoint = NULL;

        call_block(call, answer_removals, NULL);
        while ((endpoint = manager_next(service->manager, endpoint)))
                if (filter_passes(service, call, filter, endpoint))
                        release_one(service, call, endpoint);
        return 1;
}

int removal_delete_network(Service *service, Call *call, Network *network) {
        RemovalWaiter *waiter = call_wait_for(call);

        if (!waiter)
                return -ENOMEM;
        call_block(call, answer_removal, NULL);
        networks_delete(service->networks, network, waiter);
        return 1;
}
