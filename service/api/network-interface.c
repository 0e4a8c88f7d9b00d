/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.vnicd1.Network, and the Manager's methods for networks. Only a network that is up is an
 * object; one that the configuration defines comes up with its first tap.
 */
#include "api/network-interface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/fixed-addresses.h"
#include "api/network-arguments.h"
#include "api/network-units.h"
#include "api/removal-calls.h"
#include "api/resolved-names.h"
#include "bus/bus-cleanup.h"
#include "bus/property.h"
#include "common/log.h"
#include "networks/leases.h"

#define NETWORK_INTERFACE SERVICE_NAME ".Network"

static AccessRequest access_of(const Subject *subject, const char *name, int ifindex) {
        return (AccessRequest){
                .bridge = name,
                .owner = subject->uid,
                .generation = (uint64_t)ifindex,
        };
}

static int check_name(Service *service, const NetworkPlan *plan, Failure *failure) {
        if (config_network(service->config, plan->name))
                return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                                "The configuration defines a network \"%s\": it comes up with its first tap. Choose another name.",
                                plan->name);
        return networks_check_name(service->networks, plan->name, failure);
}

static int create_network(Service *service, sd_bus_message *message, Failure *failure) {
        char path[NETWORK_PATH_SIZE];
        Network *network;
        NetworkRequest request;
        AccessRequest access;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r >= 0)
                r = network_request_read(message, &request, failure);
        if (r >= 0)
                r = check_name(service, &request.plan, failure);
        if (r < 0)
                return r;
        access = access_of(call_subject(call), request.plan.name, 0);
        access_let_ask(call, request.interactive);
        r = access_check(service->access, call, &access, failure);
        if (r <= 0)
                return r;
        r = networks_create(service->networks, &request.plan, true, &network, failure);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(message, "o", network_path(request.plan.name, path));
}

int method_create_network(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = create_network(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int delete_network(Network *network, sd_bus_message *message, Failure *failure) {
        Service *service = service_here(sd_bus_message_get_bus(message));
        AccessRequest access;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r < 0)
                return r;
        access = access_of(call_subject(call), network->tag.plan.name, network->ifindex);
        r = access_check(service->access, call, &access, failure);
        return r <= 0 ? r : removal_delete_network(service, call, network);
}

static int method_delete(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = delete_network(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int append_leases(sd_bus_message *reply, const Leases *leases) {
        int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(sssx)");

        for (size_t i = 0; i < leases->n && r >= 0; i++) {
                const Lease *lease = &leases->leases[i];

                r = sd_bus_message_append(reply, "(sssx)", lease->address, lease->mac, lease->name,
                                (int64_t)lease->expiry);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_leases(const Network *network, sd_bus_message *call, Failure *failure) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        Leases leases = LEASES_INIT;
        int r;

        r = leases_read(network->tag.plan.name, &leases);
        if (r < 0)
                return r == -ENOMEM ? r
                                    : failure_kernel(failure, -r, "read the leases of the network",
                                                      NULL);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_leases(reply, &leases);
        leases_done(&leases);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_get_leases(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = get_leases(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int append_lease(sd_bus_message *reply, const Service *service, const Network *network,
                const Lease *lease) {
        const Endpoint *endpoint = manager_find_lease(service->manager, network, lease);
        char path[ENDPOINT_PATH_SIZE];
        int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "address", "s", lease->address,
                                "mac", "s", lease->mac, "hostname", "s", lease->name, "expires",
                                "x", (int64_t)lease->expiry);
        if (r >= 0 && endpoint)
                r = sd_bus_message_append(
                                reply, "{sv}", "endpoint", "o", endpoint_path(endpoint, path));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* It tells what networks/lease-watch read last: no file is opened here. */
static int list_leases(Service *service, const Network *network, sd_bus_message *call) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        const Leases *given = &network->given;
        const uint64_t now = (uint64_t)time(NULL);
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "a{sv}");
        for (size_t i = 0; i < given->n && r >= 0; i++)
                if (!lease_has_ended(&given->leases[i], now))
                        r = append_lease(reply, service, network, &given->leases[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_list_leases(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Service *service = service_here(sd_bus_message_get_bus(call));
        Failure failure = FAILURE_INIT;
        int r = list_leases(service, userdata, call);

        return error_answer(error, &failure, r);
}

void network_find_warnings(Service *service, const Network *network, Warnings *ret,
                char words[static FIREWALL_SENTENCE_SIZE]) {
        static const char *const codes[NETWORK_WARNING_MAX] = {
                [NETWORK_WARNING_DHCP] = WARNING_DHCP,
                [NETWORK_WARNING_DNS] = WARNING_DNS,
                [NETWORK_WARNING_FIREWALL] = WARNING_FIREWALL,
                [NETWORK_WARNING_FILTERS] = WARNING_TABLES,
                [NETWORK_WARNING_NO_IPV6] = WARNING_NO_IPV6,
                [NETWORK_WARNING_ADDRESSES] = WARNING_ADDRESSES,
                [NETWORK_WARNING_CLASH] = WARNING_CLASH,
                [NETWORK_WARNING_FORWARDING] = WARNING_FORWARDING,
                [NETWORK_WARNING_FORWARDING_V6] = WARNING_FORWARDING_V6,
                [NETWORK_WARNING_CHECKSUMS] = WARNING_CHECKSUMS,
        };
        const char *unit = network_units_warning(service->network_units, network->tag.plan.name);
        char bridge[IFNAMSIZ];
        Fate crossing;

        *ret = WARNINGS_INIT;
        networks_bridge_name(service->networks, network, bridge);
        crossing = networks_fate_of_crossing(service->networks, network->ifindex, bridge);
        if (unit)
                warnings_add(ret, WARNING_UNIT, unit);
        for (size_t i = 0; i < NETWORK_WARNING_MAX; i++)
                if (network->warnings[i])
                        warnings_add(ret, codes[i], network->warnings[i]);
        if (network_ports(network).foreign > 0)
                warnings_add(ret, WARNING_FOREIGN_PORT,
                                "It has a port that is not vnicd's, so a tap on it needs the same permission as on a bridge of the host.");
        if (crossing.outcome == FATE_DROPPED)
                warnings_add(ret, WARNING_BR_NETFILTER,
                                firewall_bridge_sentence(&crossing, bridge, words));
}

/* Each chain once. */
static void add_chain(const char **chains, size_t *n, const Fate *fate) {
        if (fate->outcome != FATE_UNDECIDED)
                return;
        for (size_t i = 0; i < *n; i++)
                if (strcmp(chains[i], fate->chain) == 0)
                        return;
        chains[(*n)++] = fate->chain;
}

int network_append_undecided(sd_bus_message *reply, Service *service, const Network *network) {
        const char *chains[FIREWALL_MATTER_MAX + 2] = { NULL };
        char bridge[IFNAMSIZ];
        Fate crossing;
        size_t n = 0;

        networks_bridge_name(service->networks, network, bridge);
        crossing = networks_fate_of_crossing(service->networks, network->ifindex, bridge);
        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++)
                add_chain(chains, &n, &network->fates[i]);
        add_chain(chains, &n, &crossing);
        return append_names(reply, chains);
}

static PROPERTY_GETTER(get_addresses) {
        const Network *network = userdata;
        char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE];
        const char *addresses[3] = { NULL };
        size_t n = 0;

        if (*network_plan_v4(&network->tag.plan, v4))
                addresses[n++] = v4;
        if (*network_plan_v6(&network->tag.plan, v6))
                addresses[n++] = v6;
        return append_names(reply, addresses);
}

static PROPERTY_GETTER(get_kind) {
        const Network *network = userdata;

        return sd_bus_message_append_basic(reply, 's', network_kind_name(network->tag.plan.kind));
}

static PROPERTY_GETTER(get_ports) {
        return sd_bus_message_append_basic(reply, 'u', &(uint32_t){ network_ports(userdata).all });
}

/* Warnings and WarningCodes. */
static PROPERTY_GETTER(get_warnings) {
        char words[FIREWALL_SENTENCE_SIZE];
        Warnings warnings;

        network_find_warnings(service_here(bus), userdata, &warnings, words);
        return append_warnings(reply, &warnings, property);
}

static PROPERTY_GETTER(get_undecided) {
        return network_append_undecided(reply, service_here(bus), userdata);
}

void network_emit_change(Service *service, const char *name, const char *property) {
        const char *also = strcmp(property, "Warnings") == 0 ? "WarningCodes" : NULL;
        char path[NETWORK_PATH_SIZE];
        int r;

        if (!network_at(service, network_path(name, path)))
                return;
        r = sd_bus_emit_properties_changed(
                        service->bus, path, NETWORK_INTERFACE, property, also, NULL);
        if (r < 0)
                log_warning("Cannot announce a change of the network %s: %s", name, strerror(-r));
}

void network_announce(Service *service, const Network *network) {
        char path[NETWORK_PATH_SIZE];
        int r;

        network_units_start(service->network_units, &network->tag.plan);
        fixed_addresses_changed(
                        service->fixed_addresses, network->tag.plan.name, FIXED_ADDRESSES_NOW);
        resolved_names_register(service->resolved_names, network);
        r = sd_bus_emit_object_added(service->bus, network_path(network->tag.plan.name, path));
        if (r < 0)
                log_warning("Cannot announce the network %s: %s", network->tag.plan.name,
                                strerror(-r));
}

void network_announce_end(Service *service, const Network *network) {
        char path[NETWORK_PATH_SIZE];
        int r;

        network_units_stop(service->network_units, &network->tag.plan);
        fixed_addresses_changed(
                        service->fixed_addresses, network->tag.plan.name, FIXED_ADDRESSES_NOW);
        r = sd_bus_emit_object_removed(service->bus, network_path(network->tag.plan.name, path));
        if (r < 0)
                log_warning("Cannot announce the end of the network %s: %s", network->tag.plan.name,
                                strerror(-r));
}

static void on_warning(const char *name, void *userdata) {
        network_emit_change(userdata, name, "Warnings");
}

static int list_networks(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                sd_bus_error *error) {
        Service *service = userdata;
        Network *network = NULL;
        size_t n = 0;
        char **nodes;

        while ((network = networks_next(service->networks, network)))
                n++;
        nodes = calloc(n + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        n = 0;
        while ((network = networks_next(service->networks, network)))
                if (sd_bus_path_encode(NETWORK_PREFIX, network->tag.plan.name, &nodes[n]) >= 0)
                        n++;
        *ret_nodes = nodes;
        return 0;
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
        *ret_found = network_at(userdata, path);
        return *ret_found != NULL;
}

#define OF_PLAN(member) offsetof(Network, tag.plan.member)

#define PROPERTY_flag(member, key)       CONST_PROPERTY(key, "b", property_get_flag, OF_PLAN(member)),
#define PROPERTY_number(member, key)     CONST_PROPERTY(key, "u", property_get_number, OF_PLAN(member)),
#define PROPERTY_domain(member, key)     CONST_PROPERTY(key, "s", property_get_text, OF_PLAN(member)),
#define PROPERTY_kind(member, key)       CONST_PROPERTY(key, "s", get_kind, 0),
#define PROPERTY_addresses(member, key)  CONST_PROPERTY("Addresses", "as", get_addresses, 0),
#define PROPERTY(type, member, key, ...) PROPERTY_##type(member, key)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_delete,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetLeases", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssx)", leases),
                        method_get_leases, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListLeases", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", leases),
                        method_list_leases, SD_BUS_VTABLE_UNPRIVILEGED),
        CONST_PROPERTY("Name", "s", property_get_text, OF_PLAN(name)),
        CONST_PROPERTY("Bridge", "s", property_get_text, OF_PLAN(name)),
        CONST_PROPERTY("Mac", "s", property_get_mac, offsetof(Network, mac)),
        CONST_PROPERTY("Kept", "b", property_get_flag, offsetof(Network, tag.kept)),
        LIVE_PROPERTY("Ports", "u", get_ports, 0),
        LIVE_PROPERTY("Warnings", "as", get_warnings, 0),
        LIVE_PROPERTY("WarningCodes", "as", get_warnings, 0),
        LIVE_PROPERTY("UndecidedFilters", "as", get_undecided, 0),
        NETWORK_FIELDS(PROPERTY) SD_BUS_VTABLE_END,
};

static void on_hosts_found(const char *name, void *userdata) {
        Service *service = userdata;

        fixed_addresses_changed(service->fixed_addresses, name, FIXED_ADDRESSES_NOW);
}

int network_interface_register(Service *service) {
        Network *network = NULL;
        int r;

        r = network_units_new(&service->network_units, service->bus, on_warning, service);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                                service->bus, NULL, NETWORK_PREFIX, list_networks, service);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(service->bus, NULL, NETWORK_PREFIX,
                                NETWORK_INTERFACE, vtable, find, service);
        if (r < 0)
                return r;
        /* Of networks that are gone a folder may be left. */
        (void)network_units_find_hosts(service->network_units, on_hosts_found, service);
        /* Networks that existed before we started may have lost their service. */
        while ((network = networks_next(service->networks, network))) {
                network_units_start(service->network_units, &network->tag.plan);
                fixed_addresses_changed(service->fixed_addresses, network->tag.plan.name,
                                FIXED_ADDRESSES_NOW);
                resolved_names_register(service->resolved_names, network);
        }
        return 0;
}
