/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/resolved-names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "bus/signal-match.h"
#include "common/cleanup.h"
#include "common/list.h"
#include "common/log.h"
#include "networks/network-service.h"

#define RESOLVED_NAME      "org.freedesktop.resolve1"
#define RESOLVED_PATH      "/org/freedesktop/resolve1"
#define RESOLVED_INTERFACE "org.freedesktop.resolve1.Manager"

struct ResolvedNames {
        Service *service;
        SignalMatch *restarts;
        List under_way; /* Registration.link */
        bool refused;   /* and that was logged */
};

/* One network, as long as resolved is being told of it. */
typedef struct Registration {
        List link;
        ResolvedNames *names;
        sd_bus_slot *call;
        char name[IFNAMSIZ];
        size_t step;
} Registration;

DEFINE_CLEANUP(ResolvedNames, resolved_names_free)

static void registration_free(Registration *registration) {
        list_unlink(&registration->link);
        sd_bus_slot_unref(registration->call);
        free(registration);
}

static int append_default_route(sd_bus_message *call, const Network *network) {
        return sd_bus_message_append(call, "ib", network->ifindex, 0);
}

static int append_domain(sd_bus_message *call, const Network *network) {
        return sd_bus_message_append(
                        call, "ia(sb)", network->ifindex, 1, network->tag.plan.domain, 1);
}

static int append_server(sd_bus_message *call, const Network *network) {
        const NetworkPlan *plan = &network->tag.plan;
        const bool is_v4 = plan->v4_prefix > 0;
        int r = sd_bus_message_append(call, "i", network->ifindex);

        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "(iay)");
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_STRUCT, "iay");
        if (r >= 0)
                r = sd_bus_message_append(call, "i", is_v4 ? AF_INET : AF_INET6);
        if (r >= 0)
                r = sd_bus_message_append_array(call, SD_BUS_TYPE_BYTE,
                                is_v4 ? (const void *)&plan->v4 : &plan->v6,
                                is_v4 ? sizeof(plan->v4) : sizeof(plan->v6));
        for (unsigned i = 0; i < 2 && r >= 0; i++) /* struct, array */
                r = sd_bus_message_close_container(call);
        return r;
}

/* The server comes last: until then nothing is asked of it, and in particular not what is in no
 * domain of any link. */
static const struct {
        const char *method;
        int (*append)(sd_bus_message *call, const Network *network);
} steps[] = {
        { "SetLinkDefaultRoute", append_default_route },
        { "SetLinkDomains", append_domain },
        { "SetLinkDNS", append_server },
};

static int take_step(Registration *registration);

static void log_refusal(Registration *registration, const sd_bus_error *refusal) {
        ResolvedNames *names = registration->names;

        if (names->refused || sd_bus_error_has_name(refusal, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                        sd_bus_error_has_name(refusal, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return;
        names->refused = true;
        log_info("The host does not resolve the names of guests of the network %s: systemd-resolved refused %s (%s)" SEE_DOCTOR,
                        registration->name, steps[registration->step].method, refusal->name);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(answer);
        Registration *registration = userdata;

        registration->call = sd_bus_slot_unref(registration->call);
        if (refusal)
                log_refusal(registration, refusal);
        else if (++registration->step < sizeof(steps) / sizeof(*steps) &&
                        take_step(registration) >= 0)
                return 0;
        registration_free(registration);
        return 0;
}

/* -ENODEV: the network is gone. */
static int take_step(Registration *registration) {
        const Service *service = registration->names->service;
        const Network *network = networks_find(service->networks, registration->name);
        _cleanup_sd_message_ sd_bus_message *call = NULL;
        int r;

        if (!network || network->state != NETWORK_LIVE)
                return -ENODEV;
        r = sd_bus_message_new_method_call(service->bus, &call, RESOLVED_NAME, RESOLVED_PATH,
                        RESOLVED_INTERFACE, steps[registration->step].method);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, 0);
        if (r >= 0)
                r = steps[registration->step].append(call, network);
        return r < 0 ? r
                     : sd_bus_call_async(service->bus, &registration->call, call, on_answer,
                                       registration, 0);
}

/* "lab.internal" for the network lab. */
static bool is_private(const NetworkPlan *plan) {
        static const char *const suffixes[] = { "internal", "home.arpa", "test" };
        const size_t n = strlen(plan->name);

        if (strncmp(plan->domain, plan->name, n) != 0 || plan->domain[n] != '.')
                return false;
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
                if (strcmp(plan->domain + n + 1, suffixes[i]) == 0)
                        return true;
        return false;
}

static bool is_for_the_host(const Service *service, const Network *network) {
        const NetworkPlan *plan = &network->tag.plan;
        const NetworkPlan *defined = config_network(service->config, plan->name);

        return !network->tag.kept && defined && strcmp(defined->domain, plan->domain) == 0 &&
                        network_service_is_needed(plan) && is_private(plan) &&
                        (plan->v4_prefix > 0 || plan->v6_prefix > 0);
}

static Registration *find(const ResolvedNames *names, const char *name) {
        LIST_FOREACH(&names->under_way, node) {
                Registration *registration = container_of(node, Registration, link);

                if (strcmp(registration->name, name) == 0)
                        return registration;
        }
        return NULL;
}

void resolved_names_register(ResolvedNames *names, const Network *network) {
        Registration *registration = find(names, network->tag.plan.name);

        if (registration)
                registration_free(registration);
        if (!is_for_the_host(names->service, network))
                return;
        registration = calloc(1, sizeof(Registration));
        if (!registration) {
                log_error("Out of memory: the host does not resolve the names of guests of the network %s",
                                network->tag.plan.name);
                return;
        }
        list_init(&registration->link);
        registration->names = names;
        snprintf(registration->name, sizeof(registration->name), "%s", network->tag.plan.name);
        if (take_step(registration) < 0)
                registration_free(registration);
        else
                list_append(&names->under_way, &registration->link);
}

/* A new resolved knows nothing of what the one before was told. */
static int on_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        ResolvedNames *names = userdata;
        Network *network = NULL;
        const char *owner;

        if (sd_bus_message_read(signal, "sss", NULL, NULL, &owner) <= 0 || !*owner)
                return 0;
        names->refused = false;
        while ((network = networks_next(names->service->networks, network)))
                resolved_names_register(names, network);
        return 0;
}

int resolved_names_new(ResolvedNames **ret, Service *service) {
        _cleanup_(resolved_names_freep) ResolvedNames *names = calloc(1, sizeof(ResolvedNames));
        int r;

        if (!names)
                return -ENOMEM;
        list_init(&names->under_way);
        names->service = service;
        r = signal_match_owner(
                        &names->restarts, service->bus, RESOLVED_NAME, on_owner_changed, names);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}

ResolvedNames *resolved_names_free(ResolvedNames *names) {
        if (!names)
                return NULL;
        LIST_FOREACH_SAFE(&names->under_way, node)
                registration_free(container_of(node, Registration, link));
        signal_match_free(names->restarts);
        free(names);
        return NULL;
}
