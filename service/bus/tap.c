/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.vnicd1.Tap: queues and what they carry. */
#include <errno.h>
#include <string.h>

#include "bus/cleanup.h"
#include "bus/gate.h"
#include "bus/reload.h"
#include "bus/service.h"
#include "util/log.h"

static int reply_with_queues(sd_bus_message *call, const FdSet *queues) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = append_queues(reply, queues);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int open_queues(Service *service, sd_bus_message *call, Failure *failure) {
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        GateMatter matter;
        Subject subject;
        uint32_t count;
        Limits limits;
        int r;

        if (!sd_bus_message_get_expect_reply(call))
                return 0;
        r = service_subject(service, call, &subject, failure);
        if (r < 0)
                return r;
        r = service_endpoint_of(service, call, &endpoint, failure);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "u", &count);
        if (r < 0)
                return r;
        matter = gate_matter_of(endpoint);
        r = gate_pass(service, call, &subject, &matter, failure);
        if (r <= 0)
                return r;
        if (count < 1 || count > FDSET_MAX)
                return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "OpenQueues gives 1 to %u queues at a time, not %u.", FDSET_MAX,
                                count);
        limits = reload_limits(service->reload, &subject, endpoint->tag.uid);
        r = manager_open_queues(service->manager, endpoint, &limits, count, &queues, failure);
        if (r < 0)
                return r;
        r = reply_with_queues(call, &queues);
        manager_close_queues(service->manager, matter.owner, (uint32_t)matter.stamp, &queues);
        return r;
}

static int method_open_queues(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = open_queues(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Endpoint *endpoint = service_endpoint_at(userdata, path);
        const char *offloads[OFFLOAD_NAMES_MAX + 1];

        if (!endpoint)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "It is gone.");
        if (strcmp(property, "VnetHdr") == 0)
                return sd_bus_message_append(reply, "b", endpoint->now.tun.vnet_hdr);
        if (strcmp(property, "VnetHdrSize") == 0)
                return sd_bus_message_append(reply, "u", endpoint->tag.vnet_hdr_size);
        if (strcmp(property, "Multiqueue") == 0)
                return sd_bus_message_append(reply, "b", endpoint->now.tun.multiqueue);
        if (strcmp(property, "Queues") == 0)
                return sd_bus_message_append(reply, "u", endpoint->now.tun.queues);
        if (strcmp(property, "QueuesDisabled") == 0)
                return sd_bus_message_append(reply, "u", endpoint->now.tun.queues_disabled);
        offload_names(strcmp(property, "OffloadsActive") == 0 ? endpoint->offload_state.active
                                                              : endpoint_offloads(endpoint),
                        offloads);
        return append_names(reply, offloads);
}

void tap_emit_offloads(Service *service, const Endpoint *endpoint) {
        _cleanup_sd_message_ sd_bus_message *signal = NULL;
        const char *names[OFFLOAD_NAMES_MAX + 1];
        char path[ENDPOINT_PATH_SIZE];
        int r;

        offload_names(endpoint->offload_state.active, names);
        r = sd_bus_message_new_signal(service->bus, &signal, endpoint_path(endpoint, path),
                        SERVICE_NAME ".Tap", "OffloadsChanged");
        if (r >= 0)
                r = append_names(signal, names);
        if (r >= 0)
                r = sd_bus_send(service->bus, signal, NULL);
        if (r < 0)
                log_warning("Cannot announce the offloads of %s: %s", endpoint->now.name,
                                strerror(-r));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("OpenQueues", SD_BUS_ARGS("u", count), SD_BUS_RESULT("ah", queues),
                        method_open_queues, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("VnetHdr", "b", get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("VnetHdrSize", "u", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Multiqueue", "b", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Queues", "u", get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("QueuesDisabled", "u", get_property, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("OffloadsSupported", "as", get_property, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("OffloadsActive", "as", get_property, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_SIGNAL_WITH_ARGS("OffloadsChanged", SD_BUS_ARGS("as", active), 0),
        SD_BUS_VTABLE_END,
};

int tap_interface_register(Service *service) {
        return sd_bus_add_fallback_vtable(service->bus, NULL, ENDPOINT_PREFIX, SERVICE_NAME ".Tap",
                        vtable, endpoint_find, service);
}
