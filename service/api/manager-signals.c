/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals of org.vnicd1.Manager: endpoints that are removed, bridges and properties that
 * change. */
#include "api/manager-signals.h"

#include <string.h>

#include "common/log.h"
#include "common/printable.h"

void manager_emit_removed(Service *service, const Endpoint *endpoint) {
        static const char *const reasons[ENDPOINT_END_MAX] = {
                [ENDPOINT_END_CLOSED] = "closed",
                [ENDPOINT_END_RELEASED] = "released",
                [ENDPOINT_END_TAMPERED] = "tampered",
                [ENDPOINT_END_NETWORK_DELETED] = "network-deleted",
                [ENDPOINT_END_LOGOUT] = "logout",
        };
        char path[ENDPOINT_PATH_SIZE], name[IFNAMSIZ];
        int r;

        memcpy(name, endpoint->now.name, sizeof(name));
        r = sd_bus_emit_signal(service->bus, SERVICE_PATH, SERVICE_NAME ".Manager",
                        "EndpointRemoved", "oss", endpoint_path(endpoint, path), printable(name),
                        reasons[endpoint->end]);
        if (r < 0)
                log_warning("Cannot announce the end of %s: %s", endpoint->now.name, strerror(-r));
}

void manager_emit_capabilities(Service *service) {
        int r = sd_bus_emit_properties_changed(service->bus, SERVICE_PATH, SERVICE_NAME ".Manager",
                        "OffloadsSupported", "OffloadMask", "VnetHdrSizes", "MaxQueues", "VhostNet",
                        "Warnings", "WarningCodes", NULL);

        if (r < 0)
                log_warning("Cannot announce what this host offers: %s", strerror(-r));
}

void manager_emit_limits(Service *service) {
        int r = sd_bus_emit_properties_changed(service->bus, SERVICE_PATH, SERVICE_NAME ".Manager",
                        "EndpointsPerUser", "QueuesPerUser", NULL);

        if (r < 0)
                log_warning("Cannot announce the limits: %s", strerror(-r));
}

void manager_emit_default(Service *service) {
        int r = sd_bus_emit_properties_changed(
                        service->bus, SERVICE_PATH, SERVICE_NAME ".Manager", "DefaultBridge", NULL);

        if (r < 0)
                log_warning("Cannot announce the default network: %s", strerror(-r));
}

void manager_emit_bridges(Service *service) {
        int r = sd_bus_emit_signal(service->bus, SERVICE_PATH, SERVICE_NAME ".Manager",
                        "BridgesChanged", NULL);

        if (r < 0)
                log_warning("Cannot announce that the bridges have changed: %s", strerror(-r));
}
