/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/reload.h"

#include <errno.h>
#include <string.h>

#include "api/fixed-addresses.h"
#include "api/manager-signals.h"
#include "bus/bus-cleanup.h"
#include "common/log.h"
#include "common/workers.h"
#include "taps/bridge-list.h"

/* systemd's ConfigurationDirectory= */
#define DIRECTORY_VARIABLE "CONFIGURATION_DIRECTORY"

struct Reload {
        Service *service;
        const char *directory;
        List asked;      /* RemovalWaiter.link: for the load after the one under way */
        List waiting;    /* likewise, for the one under way */
        Failure failure; /* of the last load */
        bool loading, again, stopping;
};

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

void reload_stop(Reload *reload) {
        if (reload)
                reload->stopping = true;
}

Reload *reload_free(Reload *reload) {
        if (!reload)
                return NULL;
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
        Network *up = NULL;
        Limits now;

        if (config_digest(config) != config_digest(reload->service->config))
                manager_touch_bridges(reload->service->manager);
        config_free(reload->service->config);
        reload->service->config = config;
        now = service_limits_of_all(reload->service);
        log_info("The configuration was read.");
        if (now.endpoints != before.endpoints || now.queues != before.queues)
                manager_emit_limits(reload->service);
        if (network != service_default_network(reload->service))
                manager_emit_default(reload->service);
        while ((up = networks_next(reload->service->networks, up)))
                fixed_addresses_changed(reload->service->fixed_addresses, up->tag.plan.name,
                                FIXED_ADDRESSES_NOW);
}

static int answer(Call *call, int error, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error answer = SD_BUS_ERROR_NULL;
        const Reload *reload = userdata;

        if (error >= 0)
                return sd_bus_reply_method_return(call->entry.message, NULL);
        error_answer(&answer, &reload->failure, error);
        return sd_bus_reply_method_error(call->entry.message, &answer);
}

static void begin_load(Reload *reload);

static void load_done(WorkersJob *job) {
        Load *load = container_of(job, Load, job);
        Reload *reload = load->reload;

        if (load->result >= 0)
                take_over(reload, load->config);
        else
                log_error("The configuration was not read, and what was read before stays: %s",
                                load->failure.kind != FAILURE_NONE ? load->failure.text
                                                                   : strerror(-load->result));
        reload->failure = load->failure;
        notify_removed(&reload->waiting, load->result);
        free(load);
        /* Whoever asks for a reload may have changed what no event tells of. */
        networks_check_firewalls(reload->service->networks);
        reload->loading = false;
        if (reload->again && !reload->stopping)
                begin_load(reload);
}

/* For all who have asked until now. */
static void begin_load(Reload *reload) {
        Load *load = calloc(1, sizeof(Load));

        if (!load) {
                log_error("The configuration was not read again: out of memory.");
                reload->failure = FAILURE_INIT;
                notify_removed(&reload->asked, -ENOMEM);
                return;
        }
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
}

int reload_begin(Reload *reload, Call *call) {
        int r = call ? call_block_on(call, &reload->asked, answer, reload) : 1;

        if (r < 0)
                return r;
        reload->again = true;
        if (!reload->loading && !reload->stopping)
                begin_load(reload);
        return 1;
}

static int do_reload(Service *service, sd_bus_message *message, Failure *failure) {
        const AccessRequest access = { .bridge = NULL };
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r < 0)
                return r;
        r = access_check(service->access, call, &access, failure);
        if (r <= 0)
                return r;
        return reload_begin(service->reload, call);
}

int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = do_reload(userdata, message, &failure);

        return error_answer(error, &failure, r);
}
