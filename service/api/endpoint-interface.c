/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.vnicd1.Endpoint: what all kinds of endpoint have in common. */
#include "api/endpoint-interface.h"

#include <errno.h>
#include <string.h>

#include "api/removal-calls.h"
#include "api/tap-interface.h"
#include "bus/property.h"
#include "common/log.h"

#define ENDPOINT_INTERFACE SERVICE_NAME ".Endpoint"
#define TAP_INTERFACE      SERVICE_NAME ".Tap"

static int release(Endpoint *endpoint, sd_bus_message *message, Failure *failure) {
        Service *service = service_here(sd_bus_message_get_bus(message));
        AccessRequest access;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r < 0)
                return r;
        access = request_of_endpoint(endpoint);
        r = access_check(service->access, call, &access, failure);
        return r <= 0 ? r : removal_release(service, call, endpoint);
}

static int method_release(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = release(userdata, call, &failure);

        return error_answer(error, &failure, r);
}

static PROPERTY_GETTER(get_ifindex) {
        const Endpoint *endpoint = userdata;

        return sd_bus_message_append_basic(reply, 'i', &(int32_t){ endpoint->now.ifindex });
}

static PROPERTY_GETTER(get_kind) {
        return sd_bus_message_append_basic(reply, 's', "tap");
}

static PROPERTY_GETTER(get_bridge) {
        const Endpoint *endpoint = userdata;
        char name[IFNAMSIZ];

        return append_text(reply, manager_bridge_of(service_here(bus)->manager, endpoint, name));
}

static PROPERTY_GETTER(get_addresses) {
        const AddressHolder *addresses = &((const Endpoint *)userdata)->addresses;
        char texts[ADDRESSES_MAX][IP_ADDRESS_TEXT_SIZE];
        const char *names[ADDRESSES_MAX + 1] = { NULL };

        for (size_t i = 0; i < addresses->n_shown; i++)
                names[i] = ip_address_format(&addresses->shown[i], texts[i]);
        return append_names(reply, names);
}

static PROPERTY_GETTER(get_anti_spoof) {
        const Endpoint *endpoint = userdata;

        return sd_bus_message_append_basic(reply, 'b', &(int){ endpoint_has_anti_spoof(endpoint) });
}

static PROPERTY_GETTER(get_forwarding) {
        const Endpoint *endpoint = userdata;

        return sd_bus_message_append_basic(reply, 'b', &(int){ endpoint_is_forwarding(endpoint) });
}

static PROPERTY_GETTER(get_state) {
        const Endpoint *endpoint = userdata;

        return sd_bus_message_append_basic(
                        reply, 's', endpoint_is_active(endpoint) ? "active" : "idle");
}

static PROPERTY_GETTER(get_persistent) {
        const Endpoint *endpoint = userdata;

        return sd_bus_message_append_basic(reply, 'b', &(int){ endpoint_is_persistent(endpoint) });
}

/* Warnings and WarningCodes. */
static PROPERTY_GETTER(get_warnings) {
        const Endpoint *endpoint = userdata;
        static const struct {
                EndpointWarning warning;
                const char *code, *sentence;
        } all[] = {
                { ENDPOINT_WARNING_RENAMED, WARNING_RENAMED, "It was renamed." },
                { ENDPOINT_WARNING_BRIDGE, WARNING_BRIDGE,
                                "It is not on the bridge where it belongs." },
                { ENDPOINT_WARNING_MTU, WARNING_MTU,
                                "Its MTU differs from its bridge's: larger frames are lost between them." },
                { ENDPOINT_WARNING_ANTI_SPOOF, WARNING_ANTI_SPOOF,
                                "Its filter against forged MAC addresses was removed." },
                { ENDPOINT_WARNING_ISOLATED, WARNING_ISOLATED,
                                "Its port is not isolated any more." },
                { ENDPOINT_WARNING_FILTERS, WARNING_FILTERS,
                                "The group of its link or the flags of its port were changed: filters may not see what it sends." },
                { ENDPOINT_WARNING_DOWN, WARNING_DOWN, "It was taken down: no frame passes." },
                { ENDPOINT_WARNING_PERSISTENCE, WARNING_PERSISTENCE,
                                "Its holder made it persistent; it is deleted when its last queue is closed." },
                { ENDPOINT_WARNING_OWNER, WARNING_OWNER,
                                "Its holder gave the device to somebody else." },
                { ENDPOINT_WARNING_HEADER, WARNING_HEADER,
                                "It was opened without a virtio_net_hdr: it carries no offloads." },
                { ENDPOINT_WARNING_VLAN, WARNING_VLAN,
                                "The guest cannot be heard in a VLAN of its port: another port has its MAC there." },
                { ENDPOINT_WARNING_LISTENING, WARNING_LISTENING,
                                "Its port does not forward yet: its bridge's spanning tree protocol listens first, for twice the bridge's forward delay (30 s unless somebody changed it)." },
                { ENDPOINT_WARNING_BLOCKED, WARNING_BLOCKED,
                                "Its port is blocked by its bridge's spanning tree protocol: the guest would be a second path to something that the bridge reaches already." },
                { ENDPOINT_WARNING_GUARD, WARNING_GUARD,
                                "Its port is disabled: the guest sent a BPDU and the port has BPDU guard, or its bridge is down. Setting the interface down and up enables it again." },
                { ENDPOINT_WARNING_SOURCES, WARNING_SOURCES,
                                "Its guest sent frames with other MACs than GuestMac: they are dropped." },
                { ENDPOINT_WARNING_END, WARNING_END,
                                "Its holder made it end with its last queue: it is not persistent any more." },
        };
        Warnings warnings = WARNINGS_INIT;

        for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
                if (endpoint->warnings & all[i].warning)
                        warnings_add(&warnings, all[i].code, all[i].sentence);
        return append_warnings(reply, &warnings, property);
}

static PROPERTY_GETTER(get_created) {
        const Endpoint *endpoint = userdata;

        return sd_bus_message_append_basic(
                        reply, 't', &(uint64_t){ endpoint->tag.created * UINT64_C(1000000) });
}

void endpoint_emit_changes(Service *service, const Endpoint *endpoint, unsigned changes) {
        static const struct {
                unsigned change;
                const char *interface, *property;
        } of_change[] = {
                { ENDPOINT_CHANGED_NAME, ENDPOINT_INTERFACE, "Interface" },
                { ENDPOINT_CHANGED_BRIDGE, ENDPOINT_INTERFACE, "Bridge" },
                { ENDPOINT_CHANGED_MAC, ENDPOINT_INTERFACE, "HostMac" },
                { ENDPOINT_CHANGED_GUEST_MAC, ENDPOINT_INTERFACE, "GuestMac" },
                { ENDPOINT_CHANGED_ADDRESSES, ENDPOINT_INTERFACE, "Addresses" },
                { ENDPOINT_CHANGED_MTU, ENDPOINT_INTERFACE, "Mtu" },
                { ENDPOINT_CHANGED_PORT, ENDPOINT_INTERFACE, "Isolated" },
                { ENDPOINT_CHANGED_PORT, ENDPOINT_INTERFACE, "AntiSpoof" },
                { ENDPOINT_CHANGED_FORWARDING, ENDPOINT_INTERFACE, "Forwarding" },
                { ENDPOINT_CHANGED_STATE, ENDPOINT_INTERFACE, "State" },
                { ENDPOINT_CHANGED_PERSISTENT, ENDPOINT_INTERFACE, "Persistent" },
                { ENDPOINT_CHANGED_WARNINGS, ENDPOINT_INTERFACE, "Warnings" },
                { ENDPOINT_CHANGED_WARNINGS, ENDPOINT_INTERFACE, "WarningCodes" },
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

#define AT(member) offsetof(Endpoint, member)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_release,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        LIVE_PROPERTY("Interface", "s", property_get_text, AT(now.name)),
        CONST_PROPERTY("Ifindex", "i", get_ifindex, 0),
        CONST_PROPERTY("Kind", "s", get_kind, 0),
        LIVE_PROPERTY("Bridge", "s", get_bridge, 0),
        CONST_PROPERTY("Owner", "u", property_get_number, AT(tag.uid)),
        CONST_PROPERTY("Label", "s", property_get_text, AT(tag.label)),
        LIVE_PROPERTY("GuestMac", "s", property_get_mac, AT(tag.guest_mac)),
        LIVE_PROPERTY("HostMac", "s", property_get_mac, AT(now.mac)),
        LIVE_PROPERTY("Addresses", "as", get_addresses, 0),
        LIVE_PROPERTY("Mtu", "u", property_get_number, AT(now.mtu)),
        LIVE_PROPERTY("Isolated", "b", property_get_flag, AT(now.port.isolated)),
        LIVE_PROPERTY("AntiSpoof", "b", get_anti_spoof, 0),
        LIVE_PROPERTY("Persistent", "b", get_persistent, 0),
        CONST_PROPERTY("UntilLogout", "b", property_get_flag, AT(tag.until_logout)),
        LIVE_PROPERTY("Forwarding", "b", get_forwarding, 0),
        LIVE_PROPERTY("State", "s", get_state, 0),
        CONST_PROPERTY("Created", "t", get_created, 0),
        LIVE_PROPERTY("Warnings", "as", get_warnings, 0),
        LIVE_PROPERTY("WarningCodes", "as", get_warnings, 0),
        SD_BUS_VTABLE_END,
};

int endpoint_interface_register(Service *service) {
        return sd_bus_add_fallback_vtable(service->bus, NULL, ENDPOINT_PREFIX, ENDPOINT_INTERFACE,
                        vtable, endpoint_find, service);
}
