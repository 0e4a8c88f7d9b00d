/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/service.h"
#include "taps/bridge-list.h"
#include "taps/open-queues.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "access/audit.h"
#include "api/endpoint-interface.h"
#include "api/fixed-addresses.h"
#include "api/manager-interface.h"
#include "api/manager-signals.h"
#include "api/network-interface.h"
#include "api/network-units.h"
#include "api/reload.h"
#include "api/resolved-names.h"
#include "api/tap-interface.h"
#include "api/until-logout.h"
#include "bus/bus-cleanup.h"
#include "bus/logins.h"
#include "common/log.h"

DEFINE_CLEANUP(Service, service_free)

static void on_appeared(const Endpoint *endpoint, void *userdata) {
        Service *service = userdata;
        char path[ENDPOINT_PATH_SIZE];
        int r;

        until_logout_follow(service, endpoint);
        r = sd_bus_emit_object_added(service->bus, endpoint_path(endpoint, path));
        if (r < 0)
                log_warning("Cannot announce %s: %s", endpoint->now.name, strerror(-r));
        if (endpoint->network)
                network_emit_change(service, endpoint->network->tag.plan.name, "Ports");
}

/* With a network all of its addresses go. */
static void address_changed(
                const Service *service, const Endpoint *endpoint, FixedAddressesHaste haste) {
        if (endpoint->tag.address.s_addr != 0 && endpoint->network &&
                        !network_is_ending(endpoint->network))
                fixed_addresses_changed(
                                service->fixed_addresses, endpoint->network->tag.plan.name, haste);
}

static void on_changed(const Endpoint *endpoint, unsigned changes, void *userdata) {
        endpoint_emit_changes(userdata, endpoint, changes);
        if (changes & ENDPOINT_CHANGED_GUEST_MAC)
                address_changed(userdata, endpoint, FIXED_ADDRESSES_SOON);
        if (endpoint->network && changes & ENDPOINT_CHANGED_BRIDGE)
                network_emit_change(userdata, endpoint->network->tag.plan.name, "Ports");
}

static void on_tampered(const Endpoint *endpoint, bool deleted, const char *why, void *userdata) {
        const Service *service = userdata;

        if (deleted)
                audit_tampered(service->users, endpoint->tag.nonce, endpoint->tag.uid, why);
        else
                log_warning("%s of uid %u: %s; that was put right", endpoint->now.name,
                                (unsigned)endpoint->tag.uid, why);
}

static void on_leaving(const Endpoint *endpoint, void *userdata) {
        Service *service = userdata;
        char path[ENDPOINT_PATH_SIZE];
        int r;

        manager_emit_removed(service, endpoint);
        r = sd_bus_emit_object_removed(service->bus, endpoint_path(endpoint, path));
        if (r < 0)
                log_warning("Cannot announce the end of %s: %s", endpoint->now.name, strerror(-r));
        address_changed(service, endpoint, FIXED_ADDRESSES_LATER);
        if (endpoint->network)
                network_emit_change(service, endpoint->network->tag.plan.name, "Ports");
}

/* A network that the configuration defines is the default whether it is up or not. */
static void announce_default(Service *service, const Network *network) {
        const char *name = network->tag.plan.name;

        if (strcmp(name, DEFAULT_NETWORK) == 0 && !config_network(service->config, name))
                manager_emit_default(service);
}

static void on_network_appeared(Network *network, void *userdata) {
        const Service *service = userdata;

        network_announce(userdata, network);
        announce_default(userdata, network);
        manager_touch_bridges(service->manager);
}

static void on_network_warned(Network *network, void *userdata) {
        network_emit_change(userdata, network->tag.plan.name, "Warnings");
        network_emit_change(userdata, network->tag.plan.name, "UndecidedFilters");
}

static void on_network_shared(Network *network, void *userdata) {
        const Service *service = userdata;

        manager_touch_bridges(service->manager);
        network_emit_change(userdata, network->tag.plan.name, "Ports");
        network_emit_change(userdata, network->tag.plan.name, "Warnings");
}

static void on_rerouted(void *userdata) {
        const Service *service = userdata;

        manager_touch_bridges(service->manager);
}

static void on_bridges_changed(void *userdata) {
        manager_emit_bridges(userdata);
}

static void on_capabilities_changed(void *userdata) {
        manager_emit_capabilities(userdata);
}

/* Half-made networks found at the start are removed before there is a bus to announce it on. */
static void on_network_leaving(Network *network, void *userdata) {
        Service *service = userdata;

        network_announce_end(service, network);
        announce_default(service, network);
        manager_touch_bridges(service->manager);
}

/* Takes back queues that never reached their client. */
static void on_lost(const SentQueues *sent, void *userdata) {
        Service *service = userdata;
        Endpoint *endpoint = manager_find(service->manager, sent->nonce);

        if (!sent->is_new_tap)
                manager_queues_lost(service->manager, sent->nonce, sent->given);
        else if (endpoint)
                manager_take_back(service->manager, endpoint);
}

static int list_endpoints(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                sd_bus_error *error) {
        Service *service = userdata;
        char path[ENDPOINT_PATH_SIZE];
        Endpoint *endpoint = NULL;
        size_t n = 0, i = 0;
        char **nodes;

        while ((endpoint = manager_next(service->manager, endpoint)))
                n++;
        nodes = calloc(n + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        while ((endpoint = manager_next(service->manager, endpoint))) {
                nodes[i] = strdup(endpoint_path(endpoint, path));
                if (!nodes[i++]) {
                        while (i > 0)
                                free(nodes[--i]);
                        free(nodes);
                        return -ENOMEM;
                }
        }
        *ret_nodes = nodes;
        return 0;
}

/* SIGHUP: checks again what the host offers and what the administrator wants. */
static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Service *service = userdata;

        if (manager_probe(service->manager) > 0)
                manager_emit_capabilities(service);
        (void)reload_begin(service->reload, NULL);
        return 0;
}

static int register_all(Service *service) {
        int r;

        r = sd_bus_add_object_manager(service->bus, NULL, SERVICE_PATH);
        if (r < 0)
                return r;
        r = sd_bus_add_node_enumerator(
                        service->bus, NULL, ENDPOINT_PREFIX, list_endpoints, service);
        if (r < 0)
                return r;
        r = manager_interface_register(service);
        if (r < 0)
                return r;
        r = endpoint_interface_register(service);
        if (r < 0)
                return r;
        r = tap_interface_register(service);
        if (r < 0)
                return r;
        return network_interface_register(service);
}

/* The groups of the endpoint's user are no longer known: what is denied to any group is denied
 * here. */
static bool may_rejoin(const Endpoint *endpoint, const char *bridge, void *userdata) {
        const Service *service = userdata;
        const Config *config = service->config;
        const Subject subject = { .uid = endpoint->tag.uid, .groups_unknown = true };

        return config_rejoins_bridges(config) &&
                        config_bridge_access(config, &subject, bridge) != BRIDGE_DENIED;
}

static const Config *get_config(void *userdata) {
        const Service *service = userdata;

        return service->config;
}

static bool has_object(const char *path, void *userdata) {
        return service_has_object(userdata, path);
}

/* A network's ports and the settings of its bridge take requests to the kernel. */
static bool is_costly(const char *path, void *userdata) {
        return network_is_path(path);
}

/* Call before anything is registered on the bus, so that no handler runs unchecked. */
static int set_up_access(Service *service, Failure *failure) {
        static const AccessHost host = {
                .config = get_config,
                .has_object = has_object,
                .is_costly = is_costly,
        };
        int r = reload_new(&service->reload, service, failure);

        if (r < 0)
                return r;
        service->users = users_new();
        if (!service->users)
                return -ENOMEM;
        return access_new(&service->access, service->bus, service->users, &host, service);
}

int service_new(Service **ret, sd_event *event, sd_bus *bus, Failure *failure) {
        static const ManagerObserver observer = {
                .appeared = on_appeared,
                .changed = on_changed,
                .may_rejoin = may_rejoin,
                .leaving = on_leaving,
                .tampered = on_tampered,
                .capabilities_changed = on_capabilities_changed,
                .bridges_changed = on_bridges_changed,
        };
        static const NetworksObserver networks_observer = {
                .appeared = on_network_appeared,
                .leaving = on_network_leaving,
                .warned = on_network_warned,
                .shared = on_network_shared,
                .rerouted = on_rerouted,
        };
        _cleanup_(service_freep) Service *service = calloc(1, sizeof(Service));
        int r;

        if (!service)
                return -ENOMEM;
        service->bus = sd_bus_ref(bus);
        r = set_up_access(service, failure);
        if (r < 0)
                return r;
        r = manager_new(&service->manager, event, &observer, service);
        if (r < 0)
                return r;
        service->networks = manager_networks(service->manager);
        r = until_logout_begin(service);
        if (r < 0)
                return r;
        r = fd_replies_new(&service->fd_replies, service->bus, on_lost, service);
        if (r < 0)
                return r;
        r = fixed_addresses_new(&service->fixed_addresses, service, event);
        if (r >= 0)
                r = resolved_names_new(&service->resolved_names, service);
        if (r < 0)
                return r;
        r = register_all(service);
        if (r < 0)
                return r;
        networks_observe(service->networks, &networks_observer, service);
        r = sd_event_add_signal(event, &service->hangup, SIGHUP | SD_EVENT_SIGNAL_PROCMASK,
                        on_hangup, service);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(service);
        return 0;
}

Service *service_free(Service *service) {
        if (!service)
                return NULL;
        sd_event_source_disable_unref(service->hangup);
        reload_stop(service->reload);
        fixed_addresses_stop(service->fixed_addresses);
        service->fd_replies = fd_replies_free(service->fd_replies);
        service->manager = manager_free(service->manager);
        service->logins = logins_free(service->logins);
        /* After everything that could dispatch a call again. */
        fixed_addresses_free(service->fixed_addresses);
        resolved_names_free(service->resolved_names);
        network_units_free(service->network_units);
        service->access = access_free(service->access);
        service->reload = reload_free(service->reload);
        config_free(service->config);
        service->users = users_free(service->users);
        sd_bus_unref(service->bus);
        free(service);
        return NULL;
}
