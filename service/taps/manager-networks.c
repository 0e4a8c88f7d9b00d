/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between networks and endpoints: what networks tell (networks/networks-observer) goes to whoever
 * shows them, and what they ask is answered from the endpoints that there are.
 */
#include "taps/manager-networks.h"

#include "common/log.h"
#include "taps/bridge-ports.h"
#include "taps/guest-sources.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/tamper-guard.h"

static void on_appeared(Network *network, void *userdata) {
        const Manager *manager = userdata;

        if (manager->observer)
                manager->observer->network_appeared(network, manager->userdata);
}

static void on_leaving(Network *network, void *userdata) {
        const Manager *manager = userdata;

        if (manager->observer)
                manager->observer->network_leaving(network, manager->userdata);
}

static void on_warned(Network *network, void *userdata) {
        const Manager *manager = userdata;

        if (manager->observer)
                manager->observer->network_warned(network, manager->userdata);
}

static void on_shared(Network *network, void *userdata) {
        const Manager *manager = userdata;

        if (manager->observer)
                manager->observer->network_shared(network, manager->userdata);
}

static void evict(Network *network, void *userdata) {
        Manager *manager = userdata;

        LIST_FOREACH_SAFE(&network->endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, on_network.link);

                if (!endpoint->dying &&
                                manager_delete(manager, endpoint, ENDPOINT_END_NETWORK_DELETED) < 0)
                        log_error("Out of memory: %s stays", endpoint->now.name);
        }
}

/* Asked by ifindex: the name may be another bridge's by now. */
static bool has_ports(const Network *network, void *userdata) {
        BridgePorts ports;

        (void)manager_look_at_ports(userdata, network->ifindex, &ports);
        return ports.all > 0;
}

static void on_renamed(int ifindex, void *userdata) {
        manager_bridge_is_renamed(userdata, ifindex);
}

static bool is_awaited(const char *name, void *userdata) {
        return manager_awaits_bridge(userdata, name);
}

static void on_sources_untold(void *userdata) {
        manager_lose_sources(userdata);
}

const NetworksObserver manager_networks_observer = {
        .appeared = on_appeared,
        .leaving = on_leaving,
        .warned = on_warned,
        .shared = on_shared,
        .evict = evict,
        .has_ports = has_ports,
        .renamed = on_renamed,
        .is_awaited = is_awaited,
        .sources_untold = on_sources_untold,
};
