/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/wait.h"

#include <errno.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "common/log.h"

typedef struct Wait Wait;

/* One call, waiting for one or more endpoints. */
struct Wait {
        Service *service;
        sd_bus_message *call;
        unsigned waiting, asked;
        int error; /* the first that kept an endpoint from being deleted */
        int (*finish)(Wait *wait);
};

/* One endpoint of a wait. */
typedef struct WaitWatch {
        RemovalWaiter watch;
        Wait *wait;
} WaitWatch;

static Wait *wait_free(Wait *wait) {
        sd_bus_message_unref(wait->call);
        free(wait);
        return NULL;
}

static Wait *wait_new(Service *service, sd_bus_message *call, int (*finish)(Wait *wait)) {
        Wait *wait = calloc(1, sizeof(Wait));

        if (!wait)
                return NULL;
        wait->service = service;
        wait->call = sd_bus_message_ref(call);
        wait->finish = finish;
        return wait;
}

static void count_down(Wait *wait) {
        int r;

        if (--wait->waiting > 0)
                return;
        r = wait->finish(wait);
        if (r < 0)
                log_warning("Cannot answer a call that waited: %s", strerror(-r));
        wait_free(wait);
}

static void on_gone(RemovalWaiter *watch, int error) {
        WaitWatch *wait_watch = container_of(watch, WaitWatch, watch);
        Wait *wait = wait_watch->wait;

        if (error < 0 && wait->error == 0)
                wait->error = error;
        free(wait_watch);
        count_down(wait);
}

static WaitWatch *add_watch(Wait *wait) {
        WaitWatch *wait_watch = calloc(1, sizeof(WaitWatch));

        if (!wait_watch)
                return NULL;
        list_init(&wait_watch->watch.link);
        wait_watch->watch.removed = on_gone;
        wait_watch->wait = wait;
        wait->waiting++;
        wait->asked++;
        return wait_watch;
}

static void record_release(const Wait *wait, const Endpoint *endpoint) {
        Subject subject;

        if (access_subject(wait->service->access, wait->call, &subject, NULL) >= 0)
                audit_released(wait->service->audit, endpoint->tag.nonce, endpoint->tag.uid,
                                subject.uid, sd_bus_message_get_sender(wait->call));
}

/* The wait holds itself open (waiting starts at 1) until all its endpoints have been asked for. */
static void release_one(Wait *wait, Endpoint *endpoint) {
        WaitWatch *wait_watch = add_watch(wait);
        bool is_first = endpoint->state == ENDPOINT_LIVE;
        int r = wait_watch ? manager_release(wait->service->manager, endpoint, &wait_watch->watch)
                           : -ENOMEM;

        if (r >= 0 && is_first)
                record_release(wait, endpoint);
        if (r < 0 && wait_watch)
                on_gone(&wait_watch->watch, r);
        else if (r < 0 && wait->error == 0)
                wait->error = r;
}

static int answer_failure(Wait *wait) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Failure failure = FAILURE_INIT;

        if (wait->error == -ECANCELED)
                failure_set(&failure, FAILURE_KERNEL, ECANCELED,
                                "The service is stopping; the call was not carried out. Try again.");
        else if (wait->error == -ESTALE)
                failure_set(&failure, FAILURE_STALE, ESTALE,
                                "The interface no longer belongs to vnicd: its tag, kind or group was changed. It was not deleted.");
        else
                failure_kernel(&failure, -wait->error, "delete the interface", NULL);
        error_answer(&error, &failure, wait->error);
        return sd_bus_reply_method_error(wait->call, &error);
}

static int finish_release(Wait *wait) {
        return wait->error < 0 ? answer_failure(wait)
                               : sd_bus_reply_method_return(wait->call, NULL);
}

static int finish_release_all(Wait *wait) {
        return wait->error < 0 ? answer_failure(wait)
                               : sd_bus_reply_method_return(wait->call, "u", wait->asked);
}

/* Also when the endpoint could not be deleted: then the call fails as it must. */
static int finish_retry(Wait *wait) {
        int r;

        if (wait->error == -ECANCELED)
                return answer_failure(wait);
        r = access_dispatch_again(wait->service->access, wait->call);
        return r < 0 ? sd_bus_reply_method_errno(wait->call, r, NULL) : r;
}

int wait_release(Service *service, sd_bus_message *call, Endpoint *endpoint) {
        Wait *wait = wait_new(service, call, finish_release);

        if (!wait)
                return -ENOMEM;
        wait->waiting = 1;
        release_one(wait, endpoint);
        count_down(wait);
        return 1;
}

int wait_release_all(Service *service, sd_bus_message *call, uid_t uid) {
        Wait *wait = wait_new(service, call, finish_release_all);
        Endpoint *endpoint = NULL;

        if (!wait)
                return -ENOMEM;
        wait->waiting = 1;
        while ((endpoint = manager_next(service->manager, endpoint)))
                if (endpoint->tag.uid == uid)
                        release_one(wait, endpoint);
        count_down(wait);
        return 1;
}

int wait_delete_network(Service *service, sd_bus_message *call, Network *network) {
        Wait *wait = wait_new(service, call, finish_release);
        WaitWatch *wait_watch = wait ? add_watch(wait) : NULL;

        if (!wait_watch)
                return wait ? (wait_free(wait), -ENOMEM) : -ENOMEM;
        networks_delete(service->networks, network, &wait_watch->watch);
        return 1;
}

int wait_retry(Service *service, sd_bus_message *call, List *watches) {
        Wait *wait = wait_new(service, call, finish_retry);
        WaitWatch *wait_watch = wait ? add_watch(wait) : NULL;

        if (!wait_watch)
                return wait ? (wait_free(wait), -ENOMEM) : -ENOMEM;
        list_append(watches, &wait_watch->watch.link);
        access_keep(service->access, call);
        return 1;
}
