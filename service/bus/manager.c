/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.vnicd1.Manager. Each handler is read, refuse, authorise, act, reply; it may run twice (see
 * bus/authority.h), so nothing before "act" changes anything.
 */
#include <errno.h>
#include <string.h>

#include "bus/bridges.h"
#include "bus/cleanup.h"
#include "bus/gate.h"
#include "bus/network.h"
#include "bus/reload.h"
#include "bus/request.h"
#include "bus/service.h"
#include "bus/wait.h"

/* A network that goes and comes up again while the question is open is the same one. */
static uint64_t stamp_of(const Place *place) {
        const uint64_t defined = UINT64_C(1) << 63;

        if (!place->plan || (place->network && place->network->tag.kept))
                return (uint64_t)place->bridge.ifindex;
        return defined | (uint64_t)place->plan->kind;
}

static GateMatter matter_of(const TapRequest *request, const Client *client, const Place *place) {
        return (GateMatter){
                .bridge = request->no_bridge ? "-" : place->bridge.name,
                .owner = client->uid,
                .queues = request->queues,
                .persistent = request->persistent,
                .network = place->plan && !place->shared,
                .unfiltered = place->unfiltered,
                .stamp = stamp_of(place),
        };
}

/* Whether polkit, and so maybe a person, has to be asked before it is made. */
static bool will_be_asked(const Service *service, const Subject *subject, sd_bus_message *call,
                const TapRequest *request) {
        if (subject->uid == 0 || authority_has_answered(service->authority, call))
                return false;
        return request->persistent || request->has_owner || request->no_bridge ||
                        config_bridge_access(reload_config(service->reload), subject,
                                        request->bridge) == BRIDGE_ASK;
}

static Client client_of(const Service *service, const Subject *subject, sd_bus_message *call,
                const TapRequest *request) {
        uid_t owner = request->has_owner ? request->owner : subject->uid;

        return (Client){
                .uid = owner,
                .limits = reload_limits(service->reload, subject, owner),
                .ports_per_bridge = config_ports_per_bridge(reload_config(service->reload)),
                .count_ports = will_be_asked(service, subject, call, request),
                .connection = sd_bus_message_get_sender(call),
                .defined = config_network(reload_config(service->reload), request->bridge),
        };
}

static int read_request(Service *service, sd_bus_message *call, Subject *ret_subject,
                TapRequest *ret, Client *ret_client, Failure *failure) {
        int r = service_subject(service, call, ret_subject, failure);

        if (r < 0)
                return r;
        r = request_read(call, manager_facts(service->manager)->cpus, ret, failure);
        if (r >= 0 && ret->default_network)
                r = tap_request_set_default(ret, service_default_network(service), failure);
        if (r < 0)
                return r;
        *ret_client = client_of(service, ret_subject, call, ret);
        return r;
}

static int reply_with_tap(sd_bus_message *call, const Endpoint *endpoint, const FdSet *queues) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        const char *offloads[OFFLOAD_NAMES_MAX + 1];
        char path[ENDPOINT_PATH_SIZE];
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "os", endpoint_path(endpoint, path), endpoint->now.name);
        if (r < 0)
                return r;
        offload_names(endpoint_offloads(endpoint), offloads);
        r = append_names(reply, offloads);
        if (r < 0)
                return r;
        r = append_queues(reply, queues);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

/* What can be made, before anybody is asked; and after the answer, whether it still can. */
static int look(Service *service, sd_bus_message *call, const TapRequest *request,
                const Client *client, Place *ret, List **ret_wait_for, Failure *failure) {
        int r = manager_look(service->manager, request, client, ret, ret_wait_for, failure);
        bool gone = r < 0 &&
                        (failure->kind == FAILURE_NO_SUCH_BRIDGE ||
                                        failure->kind == FAILURE_NOT_A_BRIDGE);

        if (!gone || !authority_has_answered(service->authority, call))
                return r;
        return failure_set(failure, FAILURE_STALE, ESTALE,
                        "The bridge \"%s\" was renamed or deleted while the question was open. "
                        "ListBridges (vnicctl bridges) tells which there are now.",
                        request->bridge);
}

static int create_tap(Service *service, sd_bus_message *call, Failure *failure) {
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        TapRequest request;
        GateMatter matter;
        List *wait_for;
        Subject subject;
        Client client;
        Place place;
        int r;

        /* Read. Without a reply the queues would have nowhere to go. */
        if (!sd_bus_message_get_expect_reply(call))
                return 0;
        r = read_request(service, call, &subject, &request, &client, failure);
        if (r < 0)
                return r;

        /* Refuse: nobody is asked for a password for what cannot succeed. */
        r = look(service, call, &request, &client, &place, &wait_for, failure);
        if (r == -EAGAIN)
                return wait_retry(service, call, wait_for);
        if (r < 0)
                return r;

        /* Authorise. */
        matter = matter_of(&request, &client, &place);
        r = gate_pass(service, call, &subject, &matter, failure);
        if (r <= 0)
                return r;

        /* Act. */
        r = manager_create_tap(
                        service->manager, &request, &client, &place, &queues, &endpoint, failure);
        if (r < 0)
                return r;

        /* Reply: after it only the client holds the tap. He is not kept waiting for the others' news. */
        r = reply_with_tap(call, endpoint, &queues);
        manager_announce(service->manager, endpoint);
        if (r < 0)
                manager_take_back(service->manager, endpoint);
        manager_close_queues(service->manager, client.uid, endpoint->tag.nonce, &queues);
        return r;
}

static int method_create_tap(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = create_tap(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int reply_with_answer(sd_bus_message *call, GateAnswer answer) {
        if (answer == GATE_YES)
                return sd_bus_reply_method_return(call, "ss", "yes", "You may create this tap.");
        if (answer == GATE_CHALLENGE)
                return sd_bus_reply_method_return(call, "ss", "challenge",
                                "An administrator would be asked whether you may create this tap.");
        if (answer == GATE_NOT_CONFIGURED)
                return sd_bus_reply_method_return(call, "ss", "no",
                                "The configuration of vnicd does not allow this bridge to you.");
        return sd_bus_reply_method_return(call, "ss", "no",
                        "You are not allowed to create this tap. An administrator can allow it by "
                        "a "
                        "polkit rule.");
}

/* What CreateTap would refuse is an answer here, unless it is the question itself that is wrong. */
static int reply_with_refusal(sd_bus_message *call, const Failure *failure, int r) {
        switch ((int)failure->kind) {
        case FAILURE_QUOTA_EXCEEDED:
                return sd_bus_reply_method_return(call, "ss", "quota", failure->text);
        case FAILURE_NO_SUCH_BRIDGE:
        case FAILURE_NOT_A_BRIDGE:
        case FAILURE_NO_SUCH_NETWORK:
        case FAILURE_NAME_TAKEN:
        case FAILURE_MAC_IN_USE:
                return sd_bus_reply_method_return(call, "ss", "no", failure->text);
        default:
                return r;
        }
}

static int can_create_tap(Service *service, sd_bus_message *call, Failure *failure) {
        TapRequest request;
        GateMatter matter;
        GateAnswer answer;
        List *wait_for;
        Subject subject;
        Client client;
        Place place;
        int r;

        r = read_request(service, call, &subject, &request, &client, failure);
        client.count_ports = true;
        if (r >= 0)
                r = manager_look(service->manager, &request, &client, &place, &wait_for, failure);
        if (r < 0 && r != -EAGAIN) /* CreateTap would wait, and then do it */
                return reply_with_refusal(call, failure, r);

        matter = matter_of(&request, &client, &place);
        r = gate_tell(service, call, &subject, &matter, &answer, failure);
        return r <= 0 ? r : reply_with_answer(call, answer);
}

static int method_can_create_tap(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = can_create_tap(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int get_endpoint(Service *service, sd_bus_message *call, Failure *failure) {
        char path[ENDPOINT_PATH_SIZE];
        Endpoint *endpoint;
        const char *name;
        Subject subject;
        int r;

        r = service_subject(service, call, &subject, failure);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        endpoint = manager_find_interface(service->manager, name);
        if (!endpoint)
                endpoint = manager_find_label(service->manager, subject.uid, name);
        if (!endpoint)
                return failure_set(failure, FAILURE_NO_SUCH_ENDPOINT, ENOENT,
                                "There is no endpoint of that interface name, nor one of yours "
                                "with "
                                "that label.");
        return sd_bus_reply_method_return(call, "o", endpoint_path(endpoint, path));
}

static int method_get_endpoint(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = get_endpoint(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int method_release_all(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        Subject subject;
        int r;

        r = service_subject(userdata, call, &subject, &failure);
        if (r >= 0)
                r = wait_release_all(userdata, call, subject.uid);
        return error_answer(error, &failure, r);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", VNICD_VERSION);
}

static int get_offloads(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;
        const char *names[OFFLOAD_NAMES_MAX + 1];

        offload_names(manager_facts(service->manager)->offloads.mask, names);
        return append_names(reply, names);
}

static int get_header_sizes(sd_bus *bus, const char *path, const char *interface,
                const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;
        const OffloadCapability *capability = &manager_facts(service->manager)->offloads;

        return sd_bus_message_append_array(reply, 'u', capability->vnet_hdr_sizes,
                        capability->n_vnet_hdr_sizes * sizeof(uint32_t));
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;
        const ManagerFacts *facts = manager_facts(service->manager);
        const Limits limits = reload_limits_of_all(service->reload);
        const struct {
                const char *property;
                uint32_t value;
        } numbers[] = {
                { "OffloadMask", facts->offloads.mask },
                { "MaxQueues", facts->max_queues },
                { "MaxFdsPerMessage", FDSET_MAX },
                { "EndpointsPerUser", limits.endpoints },
                { "QueuesPerUser", limits.queues },
        };

        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
                if (strcmp(numbers[i].property, property) == 0)
                        return sd_bus_message_append(reply, "u", numbers[i].value);
        return -ENOENT;
}

static int get_default_bridge(sd_bus *bus, const char *path, const char *interface,
                const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const char *name = service_default_network(userdata);

        return sd_bus_message_append(reply, "s", name ? name : "");
}

static int get_vhost_net(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Service *service = userdata;

        return sd_bus_message_append(reply, "b", manager_facts(service->manager)->vhost_net);
}

#define CONST_PROPERTY(name, type, get)                                                            \
        SD_BUS_PROPERTY(name, type, get, 0, SD_BUS_VTABLE_PROPERTY_CONST)

#define LIVE_PROPERTY(name, type, get)                                                             \
        SD_BUS_PROPERTY(name, type, get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateTap",
                        SD_BUS_ARGS("s", bridge, "b", vnet_hdr, "b", multiqueue, "a{sv}", options),
                        SD_BUS_RESULT("o", endpoint, "s", interface, "as", offloads, "ah", queues),
                        method_create_tap, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CanCreateTap",
                        SD_BUS_ARGS("s", bridge, "b", vnet_hdr, "b", multiqueue, "a{sv}", options),
                        SD_BUS_RESULT("s", answer, "s", reason), method_can_create_tap,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListBridges", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", bridges),
                        method_list_bridges, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetEndpoint", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", endpoint),
                        method_get_endpoint, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReleaseAll", SD_BUS_NO_ARGS, SD_BUS_RESULT("u", released),
                        method_release_all, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateNetwork",
                        SD_BUS_ARGS("s", name, "s", kind, "a{sv}", options),
                        SD_BUS_RESULT("o", network), method_create_network,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("EndpointRemoved",
                        SD_BUS_ARGS("o", endpoint, "s", interface, "s", reason), 0),
        CONST_PROPERTY("Version", "s", get_version),
        LIVE_PROPERTY("OffloadsSupported", "as", get_offloads),
        LIVE_PROPERTY("OffloadMask", "u", get_number),
        LIVE_PROPERTY("VnetHdrSizes", "au", get_header_sizes),
        LIVE_PROPERTY("MaxQueues", "u", get_number),
        CONST_PROPERTY("MaxFdsPerMessage", "u", get_number),
        LIVE_PROPERTY("VhostNet", "b", get_vhost_net),
        LIVE_PROPERTY("DefaultBridge", "s", get_default_bridge),
        LIVE_PROPERTY("EndpointsPerUser", "u", get_number),
        LIVE_PROPERTY("QueuesPerUser", "u", get_number),
        SD_BUS_VTABLE_END,
};

int manager_interface_register(Service *service) {
        return sd_bus_add_object_vtable(
                        service->bus, NULL, SERVICE_PATH, SERVICE_NAME ".Manager", vtable, service);
}
