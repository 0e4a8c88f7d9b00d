/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/host-bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

HostBridge *host_bridge_find(const List *bridges, const char *name) {
        LIST_FOREACH(bridges, node) {
                HostBridge *bridge = container_of(node, HostBridge, link);

                if (strcmp(bridge->name, name) == 0)
                        return bridge;
        }
        return NULL;
}

HostBridge *host_bridge_at(const List *bridges, int ifindex) {
        LIST_FOREACH(bridges, node) {
                HostBridge *bridge = container_of(node, HostBridge, link);

                if (bridge->ifindex == ifindex && ifindex > 0)
                        return bridge;
        }
        return NULL;
}

HostBridge *host_bridge_get(List *bridges, const char *name) {
        HostBridge *bridge = host_bridge_find(bridges, name);

        if (bridge)
                return bridge;
        bridge = calloc(1, sizeof(HostBridge));
        if (!bridge)
                return NULL;
        list_init(&bridge->endpoints);
        snprintf(bridge->name, sizeof(bridge->name), "%s", name);
        list_append(bridges, &bridge->link);
        return bridge;
}

void host_bridge_enter(HostBridge *bridge, List *on_bridge) {
        list_append(&bridge->endpoints, on_bridge);
}

void host_bridge_leave(List *on_bridge) {
        list_unlink(on_bridge);
}

void host_bridges_sweep(List *bridges) {
        LIST_FOREACH_SAFE(bridges, node) {
                HostBridge *bridge = container_of(node, HostBridge, link);

                if (!list_is_empty(&bridge->endpoints))
                        continue;
                reconciler_forget(&bridge->rejoin);
                list_unlink(node);
                free(bridge);
        }
}
