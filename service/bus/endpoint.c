/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.vnicd1.Endpoint: what is true of every kind of endpoint. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/cleanup.h"
#include "bus/gate.h"
#include "bus/service.h"
#include "bus/wait.h"
#include "util/log.h"

#define ENDPOINT_INTERFACE SERVICE_NAME ".Endpoint"
#define TAP_INTERFACE      SERVICE_NAME ".Tap"

static int release(Service *service, sd_bus_message *call, Failure *failure) {
        Endpoint *endpoint;
        GateMatter matter;
        Subject subject;
        int r;

        r = service_subject(service, call, &subject, failure);
        if (r < 0)
                return r;
        r = service_endpoint_of(service, call, &endpoint, failure);
        if (r < 0)
                return r;
        matter = gate_matter_of(endpoint);
        r = gate_pass(service, call, &subject, &matter, failure);
        return r <= 0 ? r : wait_release(service, call, endpoint);
}

static int method_release(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = release(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

/* One line per property: how it is read, and which change of the link makes it another. */
typedef int (*append_t)(sd_bus_message *reply, Service *service, const Endpoint *endpoint);

static int append_interface(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "s", endpoint->now.name);
}

static int append_ifindex(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "i", endpoint->now.ifindex);
}

static int append_kind(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "s", "tap");
}

static int append_bridge(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        char name[IFNAMSIZ];

        return sd_bus_message_append(
                        reply, "s", manager_bridge_of(service->manager, endpoint, name));
}

static int append_owner(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "u", (uint32_t)endpoint->tag.uid);
}

static int append_label(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "s", endpoint->tag.label);
}

static int append_guest_mac(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        char text[MAC_TEXT_SIZE];

        return sd_bus_message_append(reply, "s", mac_format(&endpoint->tag.guest_mac, text));
}

static int append_host_mac(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        char text[MAC_TEXT_SIZE];

        return sd_bus_message_append(reply, "s", mac_format(&endpoint->now.mac, text));
}

static int append_mtu(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "u", endpoint->now.mtu);
}

static int append_isolated(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "b", endpoint->now.port.isolated);
}

static int append_anti_spoof(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "b", endpoint_has_anti_spoof(endpoint));
}

static int append_state(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "s", endpoint_is_active(endpoint) ? "active" : "idle");
}

static int append_persistent(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "b", endpoint_is_persistent(endpoint));
}

static int append_warnings(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        static const struct {
                EndpointWarning warning;
                const char *sentence;
        } all[] = {
                { ENDPOINT_WARNING_RENAMED, "It was renamed." },
                { ENDPOINT_WARNING_BRIDGE, "It is not on the bridge that it was made for." },
                { ENDPOINT_WARNING_MTU, "Its MTU was changed." },
                { ENDPOINT_WARNING_ANTI_SPOOF,
                                "Its filter against forged MAC addresses was taken off." },
                { ENDPOINT_WARNING_ISOLATED, "Its port is not isolated any more." },
                { ENDPOINT_WARNING_DOWN, "It was taken down: no frame passes." },
                { ENDPOINT_WARNING_PERSISTENCE,
                                "Its holder made it persistent; it is deleted when its last queue "
                                "is closed." },
                { ENDPOINT_WARNING_OWNER, "Its holder gave the device to somebody else." },
                { ENDPOINT_WARNING_HEADER,
                                "It was opened without a virtio_net_hdr: it carries no offloads." },
                { ENDPOINT_WARNING_END,
                                "Its holder made it end with its last queue: it is not persistent "
                                "any more." },
        };
        const char *sentences[sizeof(all) / sizeof(*all) + 1] = { NULL };
        size_t n = 0;

        for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
                if (endpoint->warnings & all[i].warning)
                        sentences[n++] = all[i].sentence;
        return append_names(reply, sentences);
}

static int append_created(sd_bus_message *reply, Service *service, const Endpoint *endpoint) {
        return sd_bus_message_append(reply, "t", endpoint->tag.created * UINT64_C(1000000));
}

static const struct {
        const char *name;
        append_t append;
} properties[] = {
        { "Interface", append_interface },
        { "Ifindex", append_ifindex },
        { "Kind", append_kind },
        { "Bridge", append_bridge },
        { "Owner", append_owner },
        { "Label", append_label },
        { "GuestMac", append_guest_mac },
        { "HostMac", append_host_mac },
        { "Mtu", append_mtu },
        { "Isolated", append_isolated },
        { "AntiSpoof", append_anti_spoof },
        { "State", append_state },
        { "Created", append_created },
        { "Persistent", append_persistent },
        { "Warnings", append_warnings },
};

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Endpoint *endpoint = service_endpoint_at(userdata, path);

        if (!endpoint)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "It is gone.");
        for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++)
                if (strcmp(properties[i].name, property) == 0)
                        return properties[i].append(reply, userdata, endpoint);
        return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_PROPERTY, "There is no such property.");
}

void endpoint_emit_changes(Service *service, const Endpoint *endpoint, unsigned changes) {
        static const struct {
                unsigned change;
                const char *interface, *property;
        } of_change[] = {
                { ENDPOINT_CHANGED_NAME, ENDPOINT_INTERFACE, "Interface" },
                { ENDPOINT_CHANGED_BRIDGE, ENDPOINT_INTERFACE, "Bridge" },
                { ENDPOINT_CHANGED_MAC, ENDPOINT_INTERFACE, "HostMac" },
                { ENDPOINT_CHANGED_MTU, ENDPOINT_INTERFACE, "Mtu" },
                { ENDPOINT_CHANGED_PORT, ENDPOINT_INTERFACE, "Isolated" },
                { ENDPOINT_CHANGED_PORT, ENDPOINT_INTERFACE, "AntiSpoof" },
                { ENDPOINT_CHANGED_STATE, ENDPOINT_INTERFACE, "State" },
                { ENDPOINT_CHANGED_PERSISTENT, ENDPOINT_INTERFACE, "Persistent" },
                { ENDPOINT_CHANGED_WARNINGS, ENDPOINT_INTERFACE, "Warnings" },
                { ENDPOINT_CHANGED_HEADER, TAP_INTERFACE, "VnetHdr" },
                { ENDPOINT_CHANGED_HEADER, TAP_INTERFACE, "OffloadsSupported" },
                { ENDPOINT_CHANGED_QUEUES, TAP_INTERFACE, "Queues" },
                { ENDPOINT_CHANGED_QUEUES_DISABLED, TAP_INTERFACE, "QueuesDisabled" },
                { ENDPOINT_CHANGED_OFFLOADS, TAP_INTERFACE, "OffloadsActive" },
        };
        static const char *const interfaces[] = { ENDPOINT_INTERFACE, TAP_INTERFACE };
        char path[ENDPOINT_PATH_SIZE];

        if (changes & ENDPOINT_CHANGED_OFFLOADS)
                tap_emit_offloads(service, endpoint);
        endpoint_path(endpoint, path);
        for (size_t k = 0; k < 2; k++) {
                char *names[sizeof(of_change) / sizeof(*of_change) + 1] = { NULL };
                size_t n = 0;
                int r = 0;

                for (size_t i = 0; i < sizeof(of_change) / sizeof(*of_change); i++)
                        if (changes & of_change[i].change &&
                                        of_change[i].interface == interfaces[k])
                                names[n++] = (char *)of_change[i].property;
                if (n > 0)
                        r = sd_bus_emit_properties_changed_strv(
                                        service->bus, path, interfaces[k], names);
                if (r < 0)
                        log_warning("Cannot announce a change of %s: %s", endpoint->now.name,
                                        strerror(-r));
        }
}

#define CONST_PROPERTY(name, type)                                                                 \
        SD_BUS_PROPERTY(name, type, get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST)
#define LIVE_PROPERTY(name, type)                                                                  \
        SD_BUS_PROPERTY(name, type, get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_release,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        LIVE_PROPERTY("Interface", "s"),
        CONST_PROPERTY("Ifindex", "i"),
        CONST_PROPERTY("Kind", "s"),
        LIVE_PROPERTY("Bridge", "s"),
        CONST_PROPERTY("Owner", "u"),
        CONST_PROPERTY("Label", "s"),
        CONST_PROPERTY("GuestMac", "s"),
        LIVE_PROPERTY("HostMac", "s"),
        LIVE_PROPERTY("Mtu", "u"),
        LIVE_PROPERTY("Isolated", "b"),
        LIVE_PROPERTY("AntiSpoof", "b"),
        LIVE_PROPERTY("Persistent", "b"),
        LIVE_PROPERTY("State", "s"),
        CONST_PROPERTY("Created", "t"),
        LIVE_PROPERTY("Warnings", "as"),
        SD_BUS_VTABLE_END,
};

int endpoint_interface_register(Service *service) {
        return sd_bus_add_fallback_vtable(service->bus, NULL, ENDPOINT_PREFIX, ENDPOINT_INTERFACE,
                        vtable, endpoint_find, service);
}
