/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.vnicd1.Manager. Each handler proceeds in the order read, refuse, authorise, act, reply; it
 * may run twice (see access/authorization.h), so nothing before "act" changes anything.
 */
#include "api/manager-interface.h"

#include <errno.h>
#include <string.h>

#include "api/create-tap.h"
#include "api/list-bridges.h"
#include "api/network-interface.h"
#include "api/reload.h"
#include "api/removal-calls.h"
#include "bus/method-options.h"
#include "bus/property.h"

static int get_endpoint(Service *service, sd_bus_message *message, Failure *failure) {
        char path[ENDPOINT_PATH_SIZE];
        Endpoint *endpoint;
        const char *name;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r < 0)
                return r;
        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        endpoint = manager_find_interface(service->manager, name);
        if (!endpoint)
                endpoint = manager_find_label(service->manager, call_subject(call)->uid, name);
        if (!endpoint)
                return failure_set(failure, FAILURE_NO_SUCH_ENDPOINT, ENOENT,
                                "There is no endpoint with that interface name, nor one of yours with that label.");
        return sd_bus_reply_method_return(message, "o", endpoint_path(endpoint, path));
}

static int method_get_endpoint(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = get_endpoint(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int method_release_all(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        Service *service = userdata;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, &failure);
        if (r >= 0)
                r = removal_release_own(service, call, &(ReleaseFilter){ .bridge = NULL });
        return error_answer(error, &failure, r);
}

static int set_label_prefix(void *filter, const char *value, Failure *failure) {
        /* An empty one, such as of a variable that was never set, would be all. */
        if (!label_is_valid(value))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"label_prefix\" takes 1 to 32 of A-Z a-z 0-9 _ . and -. Leave it out for endpoints with any label and with none.");
        ((ReleaseFilter *)filter)->label_prefix = value;
        return 0;
}

static int set_bridge(void *filter, const char *value, Failure *failure) {
        ((ReleaseFilter *)filter)->bridge = value;
        return 0;
}

static int release_endpoints(Service *service, sd_bus_message *message, Failure *failure) {
        static const Option options[] = {
                { "label_prefix", "s", 0, 0, set_label_prefix },
                { "this_connection", "b", offsetof(ReleaseFilter, this_connection), 0, NULL },
                { "bridge", "s", 0, 0, set_bridge },
        };
        static const OptionTable table = { options, sizeof(options) / sizeof(*options),
                "(a{sv} filter)" };
        ReleaseFilter filter = { .bridge = NULL };
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r >= 0)
                r = options_read(message, &table, &filter, failure);
        return r < 0 ? r : removal_release_own(service, call, &filter);
}

static int method_release_endpoints(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = release_endpoints(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static PROPERTY_GETTER(get_version) {
        return sd_bus_message_append(reply, "s", VNICD_VERSION);
}

static PROPERTY_GETTER(get_offloads) {
        const Service *service = userdata;
        const char *names[OFFLOAD_NAMES_MAX + 1];

        offload_names(manager_capabilities(service->manager)->offloads.mask, names);
        return append_names(reply, names);
}

static PROPERTY_GETTER(get_header_sizes) {
        const Service *service = userdata;
        const OffloadCapability *capability = &manager_capabilities(service->manager)->offloads;

        return sd_bus_message_append_array(reply, 'u', capability->vnet_hdr_sizes,
                        capability->n_vnet_hdr_sizes * sizeof(uint32_t));
}

static PROPERTY_GETTER(get_number) {
        const Service *service = userdata;
        const HostCapabilities *capabilities = manager_capabilities(service->manager);
        const Limits limits = service_limits_of_all(service);
        const struct {
                const char *property;
                uint32_t value;
        } numbers[] = {
                { "OffloadMask", capabilities->offloads.mask },
                { "MaxQueues", capabilities->max_queues },
                { "MaxFdsPerMessage", FDSET_MAX },
                { "EndpointsPerUser", limits.endpoints },
                { "QueuesPerUser", limits.queues },
        };

        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
                if (strcmp(numbers[i].property, property) == 0)
                        return sd_bus_message_append(reply, "u", numbers[i].value);
        return -ENOENT;
}

/* Warnings and WarningCodes. */
static PROPERTY_GETTER(get_warnings) {
        const Service *service = userdata;
        const HostCapabilities *capabilities = manager_capabilities(service->manager);
        const unsigned filters = capabilities->tap_filters;
        Warnings warnings = WARNINGS_INIT;

        if (!(filters & TAP_FILTER_RESERVED))
                warnings_add(&warnings, WARNING_RESERVED_FRAMES,
                                "Frames of guests to 01:80:c2:00:00:00 to 0F (spanning tree, LLDP, EAPOL) reach the host past anti_spoof and past a firewall for the bridge: the table \"bridge vnicd-taps-\" of nf_tables is not there. The kernel refuses it, or somebody deletes it again and again (nft monitor).");
        if (!(filters & TAP_FILTER_LOST))
                warnings_add(&warnings, WARNING_LOST_TAPS,
                                "Packets from a tap that has lost its bridge reach the host: the table \"inet vnicd-taps-\" or \"arp vnicd-taps-\" of nf_tables is not there. The kernel refuses it, or somebody deletes it again and again (nft monitor).");
        if (capabilities->sources == SOURCES_TAKEN)
                warnings_add(&warnings, WARNING_SOURCES_TAKEN,
                                "A guest on a network has to use the MAC that CreateTap reported: another program listens to group 30318 of nfnetlink_log, through which vnicd would learn of a different one.");
        else if (capabilities->sources == SOURCES_UNSUPPORTED)
                warnings_add(&warnings, WARNING_SOURCES_UNSUPPORTED,
                                "A guest on a network has to use the MAC that CreateTap reported: the kernel lacks nfnetlink_log, or logging in filters, through which vnicd would learn of a different one.");
        return append_warnings(reply, &warnings, property);
}

static PROPERTY_GETTER(get_default_bridge) {
        const char *name = service_default_network(userdata);

        return sd_bus_message_append(reply, "s", name ? name : "");
}

static PROPERTY_GETTER(get_vhost_net) {
        const Service *service = userdata;

        return sd_bus_message_append(reply, "b", manager_capabilities(service->manager)->vhost_net);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateTap",
                        SD_BUS_ARGS("s", bridge, "b", vnet_hdr, "b", multiqueue, "a{sv}", options),
                        SD_BUS_RESULT("o", endpoint, "s", interface, "as", offloads, "ah", queues),
                        create_tap_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenTap",
                        SD_BUS_ARGS("s", bridge, "b", vnet_hdr, "a{sv}", options),
                        SD_BUS_RESULT("o", endpoint, "s", interface, "as", offloads, "h", queue),
                        open_tap_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateEndpoint",
                        SD_BUS_ARGS("s", kind, "s", bridge, "a{sv}", options),
                        SD_BUS_RESULT("o", endpoint, "a{sv}", result, "ah", fds),
                        create_endpoint_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CanCreateTap",
                        SD_BUS_ARGS("s", bridge, "b", vnet_hdr, "b", multiqueue, "a{sv}", options),
                        SD_BUS_RESULT("s", answer, "s", reason), can_create_tap_method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListBridges", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", bridges),
                        method_list_bridges, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetEndpoint", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", endpoint),
                        method_get_endpoint, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReleaseAll", SD_BUS_NO_ARGS, SD_BUS_RESULT("u", released),
                        method_release_all, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReleaseEndpoints", SD_BUS_ARGS("a{sv}", filter),
                        SD_BUS_RESULT("u", released), method_release_endpoints,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateNetwork",
                        SD_BUS_ARGS("s", name, "s", kind, "a{sv}", options),
                        SD_BUS_RESULT("o", network), method_create_network,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("EndpointRemoved",
                        SD_BUS_ARGS("o", endpoint, "s", interface, "s", reason), 0),
        SD_BUS_SIGNAL_WITH_ARGS("BridgesChanged", SD_BUS_NO_ARGS, 0),
        CONST_PROPERTY("Version", "s", get_version, 0),
        LIVE_PROPERTY("OffloadsSupported", "as", get_offloads, 0),
        LIVE_PROPERTY("OffloadMask", "u", get_number, 0),
        LIVE_PROPERTY("VnetHdrSizes", "au", get_header_sizes, 0),
        LIVE_PROPERTY("MaxQueues", "u", get_number, 0),
        CONST_PROPERTY("MaxFdsPerMessage", "u", get_number, 0),
        LIVE_PROPERTY("VhostNet", "b", get_vhost_net, 0),
        LIVE_PROPERTY("DefaultBridge", "s", get_default_bridge, 0),
        LIVE_PROPERTY("EndpointsPerUser", "u", get_number, 0),
        LIVE_PROPERTY("QueuesPerUser", "u", get_number, 0),
        LIVE_PROPERTY("Warnings", "as", get_warnings, 0),
        LIVE_PROPERTY("WarningCodes", "as", get_warnings, 0),
        SD_BUS_VTABLE_END,
};

int manager_interface_register(Service *service) {
        return sd_bus_add_object_vtable(
                        service->bus, NULL, SERVICE_PATH, SERVICE_NAME ".Manager", vtable, service);
}
