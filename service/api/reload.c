/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/reload.h"

#include <errno.h>
#include <string.h>

#include "api/manager-signals.h"
#include "bus/bus-cleanup.h"
#include "common/log.h"
#include "common/workers.h"

/* systemd's ConfigurationDirectory= */
#define DIRECTORY_VARIABLE "CONFIGURATION_DIRECTORY"

struct Reload {
        Service *service;
        const char *directory;
        List asked;   /* Waiter.link: for the load after the one under way */
        List waiting; /* Waiter.link: for the one under way */
        bool loading, again, stopping;
};

typedef struct Waiter {
        List link;
        sd_bus_message *call;
} Waiter;

typedef struct Load {
        WorkersJob job;
        Reload *reload;
        const char *directory;
        Config *config;
        Failure failure;
        int result;
} Load;

DEFINE_CLEANUP(Reload, reload_free)

int reload_new(Reload **ret, Service *service, Failure *failure) {
        _cleanup_(reload_freep) Reload *reload = calloc(1, sizeof(Reload));
        const char *directory = getenv(DIRECTORY_VARIABLE);
        int r;

        if (!reload)
                return -ENOMEM;
        list_init(&reload->asked);
        list_init(&reload->waiting);
        reload->service = service;
        reload->directory = directory && *directory ? directory : CONFIG_DIRECTORY;
        r = config_load(&service->config, reload->directory, failure);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reload);
        return 0;
}

static void waiter_free(Waiter *waiter) {
        list_unlink(&waiter->link);
        sd_bus_message_unref(waiter->call);
        free(waiter);
}

/* The bus is still there, to be flushed. */
static void answer_stopping(Waiter *waiter) {
        (void)sd_bus_reply_method_errorf(waiter->call, error_name(FAILURE_KERNEL),
                        "The service is stopping; the configuration was not read. Try again.");
        waiter_free(waiter);
}

void reload_stop(Reload *reload) {
        if (reload)
                reload->stopping = true;
}

Reload *reload_free(Reload *reload) {
        if (!reload)
                return NULL;
        LIST_FOREACH_SAFE(&reload->asked, node)
                answer_stopping(container_of(node, Waiter, link));
        LIST_FOREACH_SAFE(&reload->waiting, node)
                answer_stopping(container_of(node, Waiter, link));
        free(reload);
        return NULL;
}

/* In a thread. */
static void load_run(WorkersJob *job) {
        Load *load = container_of(job, Load, job);

        load->result = config_load(&load->config, load->directory, &load->failure);
}

static void take_over(Reload *reload, Config *config) {
        const char *network = service_default_network(reload->service);
        const Limits before = service_limits_of_all(reload->service);
        Limits now;

        config_free(reload->service->config);
        reload->service->config = config;
        now = service_limits_of_all(reload->service);
        log_info("The configuration was read.");
        if (now.endpoints != before.endpoints || now.queues != before.queues)
                manager_emit_limits(reload->service);
        if (network != service_default_network(reload->service))
                manager_emit_default(reload->service);
}

static void answer(Waiter *waiter, int result, const Failure *failure) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (result < 0) {
                error_answer(&error, failure, result);
                r = sd_bus_reply_method_error(waiter->call, &error);
        } else
                r = sd_bus_reply_method_return(waiter->call, NULL);
        if (r < 0)
                log_warning("Cannot answer a call of Reload: %s", strerror(-r));
        waiter_free(waiter);
}

static int begin_load(Reload *reload);

/* Begins the load that was asked for while the one before was under way. */
static void load_again(Reload *reload) {
        const Failure failure = FAILURE_INIT;
        int r = begin_load(reload);

        if (r >= 0)
                return;
        log_error("The configuration was not read again: out of memory.");
        LIST_FOREACH_SAFE(&reload->asked, node)
                answer(container_of(node, Waiter, link), r, &failure);
}

static void load_done(WorkersJob *job) {
        Load *load = container_of(job, Load, job);
        Reload *reload = load->reload;

        if (load->result >= 0)
                take_over(reload, load->config);
        else
                log_error("The configuration was not read, and what was read before stays: %s",
                                load->failure.kind != FAILURE_NONE ? load->failure.text
                                                                   : strerror(-load->result));
        LIST_FOREACH_SAFE(&reload->waiting, node)
                answer(container_of(node, Waiter, link), load->result, &load->failure);
        free(load);
        /* Whoever asks for a reload may have changed what no event tells of. */
        networks_check_firewalls(reload->service->networks);
        reload->loading = false;
        if (reload->again && !reload->stopping)
                load_again(reload);
}

static int begin_load(Reload *reload) {
        Load *load = calloc(1, sizeof(Load));

        if (!load)
                return -ENOMEM;
        LIST_FOREACH_SAFE(&reload->asked, node) {
                list_unlink(node);
                list_append(&reload->waiting, node);
        }
        load->job.run = load_run;
        load->job.done = load_done;
        load->reload = reload;
        load->directory = reload->directory;
        reload->loading = true;
        reload->again = false;
        manager_run(reload->service->manager, &load->job);
        return 0;
}

static int add_waiter(Reload *reload, sd_bus_message *call) {
        Waiter *waiter = calloc(1, sizeof(Waiter));

        if (!waiter)
                return -ENOMEM;
        waiter->call = sd_bus_message_ref(call);
        list_append(&reload->asked, &waiter->link);
        return 0;
}

int reload_begin(Reload *reload, sd_bus_message *call) {
        int r = call ? add_waiter(reload, call) : 0;

        if (r < 0)
                return r;
        reload->again = true;
        if (reload->loading || reload->stopping)
                return 1;
        r = begin_load(reload);
        if (r >= 0)
                return 1;
        LIST_FOREACH_SAFE(&reload->asked, node)
                waiter_free(container_of(node, Waiter, link)); /* the only one: our caller's */
        return r;
}

static int do_reload(Service *service, sd_bus_message *call, Failure *failure) {
        const AccessRequest access = { .bridge = NULL };
        Subject subject;
        int r;

        r = access_subject(service->access, call, &subject, failure);
        if (r < 0)
                return r;
        r = access_check(service->access, call, &subject, &access, failure);
        if (r <= 0)
                return r;
        return reload_begin(service->reload, call);
}

int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = do_reload(userdata, call, &failure);

        return error_answer(error, &failure, r);
}
