/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/membership.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks/network-leases.h"
#include "taps/manager-private.h"

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

/* The one of that name; made if there is none. NULL: out of memory. */
static HostBridge *host_bridge_get(List *bridges, const char *name) {
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

void manager_follow(Manager *manager, Endpoint *endpoint, const LinkInfo *link) {
        endpoint->seen_in = manager->resyncs;
        if (endpoint->state == ENDPOINT_ABORTED)
                return;
        endpoint->changes |= endpoint_follow(endpoint, link);
        if (endpoint->state == ENDPOINT_CREATING)
                endpoint->changes = 0;
        else if (list_is_empty(&endpoint->changed))
                list_append(&manager->changed, &endpoint->changed);
}

int manager_join_network(Network *network, Endpoint *endpoint) {
        int r = network_join(network, &endpoint->on_network, endpoint->tag.uid, &endpoint->port);

        if (r >= 0)
                endpoint->network = network;
        return r;
}

void manager_begin_lease(Manager *manager, const Endpoint *endpoint) {
        const LeaseGuest guest = endpoint_guest(endpoint);

        if (endpoint->network)
                networks_lease_begins(manager->networks, endpoint->network, &guest);
}

void manager_mark_bridge(Manager *manager, HostBridge *bridge) {
        bridge->owner = manager;
        bridge->rejoin.reconcile = manager->rejoin;
        reconciler_mark(manager->reconciler, &bridge->rejoin);
}

void manager_await_bridge(Manager *manager, Endpoint *endpoint) {
        if (endpoint->bridge && endpoint->bridge->ifindex > 0)
                manager_mark_bridge(manager, endpoint->bridge);
}

bool manager_awaits_bridge(const Manager *manager, const char *name) {
        const HostBridge *bridge = host_bridge_find(&manager->bridges, name);

        return bridge && bridge->ifindex == 0 && !list_is_empty(&bridge->endpoints);
}

int manager_enter_bridge(Manager *manager, Endpoint *endpoint, const char *name, int ifindex) {
        HostBridge *bridge = host_bridge_get(&manager->bridges, name), *before = endpoint->bridge;

        if (!bridge)
                return -ENOMEM;
        if (bridge != before) {
                list_unlink(&endpoint->on_bridge);
                list_append(&bridge->endpoints, &endpoint->on_bridge);
                endpoint->bridge = bridge;
        }
        /* The bridge is back, which is known here before its event is read: other endpoints may
         * wait for it. */
        if (ifindex > 0 && bridge->ifindex != ifindex) {
                bridge->ifindex = ifindex;
                manager_mark_bridge(manager, bridge);
        }
        return 0;
}

/* The event does not mention its ports, but the bus shows their bridge by name. */
void manager_bridge_is_renamed(Manager *manager, int ifindex) {
        LIST_FOREACH(&manager->registry.endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, link);

                if (endpoint->now.master != ifindex || !endpoint_is_published(endpoint))
                        continue;
                endpoint->changes |= ENDPOINT_CHANGED_BRIDGE;
                if (list_is_empty(&endpoint->changed))
                        list_append(&manager->changed, &endpoint->changed);
        }
}
