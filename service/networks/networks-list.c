/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/networks-list.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "networks/networks-private.h"

static void log_warnings(const Network *network) {
        for (NetworkWarning kind = 0; kind < NETWORK_WARNING_MAX; kind++) {
                if (!(network->warnings_changed & 1U << kind))
                        continue;
                if (network->warnings[kind])
                        log_warning("Network %s: %s", network->tag.plan.name,
                                        network->warnings[kind]);
                else
                        log_info("Network %s: a warning is over", network->tag.plan.name);
        }
}

void networks_tell_warned(Networks *networks, Network *network) {
        if (networks->observer && network->state == NETWORK_LIVE)
                networks->observer->warned(network, networks->observer_data);
}

static void tell_warnings_of(Networks *networks, Network *network) {
        if (network->warnings_changed == 0)
                return;
        log_warnings(network);
        network->warnings_changed = 0;
        networks_tell_warned(networks, network);
}

void networks_tell_warnings(Networks *networks) {
        LIST_FOREACH(&networks->list, node)
                tell_warnings_of(networks, container_of(node, Network, link));
}

void networks_warn(Networks *networks, Network *network, NetworkWarning warning,
                const char *sentence) {
        int r = network_warn(network, warning, sentence);

        if (r < 0)
                log_error("Out of memory: the network %s does not show a warning",
                                network->tag.plan.name);
        tell_warnings_of(networks, network);
}

Network *networks_find(Networks *networks, const char *name) {
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (strcmp(network->tag.plan.name, name) == 0)
                        return network;
        }
        return NULL;
}

Network *networks_next(Networks *networks, const Network *after) {
        const List *end = &networks->list;
        List *node = after ? after->link.next : end->next;

        while (node != end && container_of(node, Network, link)->state != NETWORK_LIVE)
                node = node->next;
        return node == end ? NULL : container_of(node, Network, link);
}

Network *networks_at(const Networks *networks, int ifindex) {
        IfindexEntry *entry = ifindex_map_find(&networks->by_bridge, ifindex);

        return entry ? container_of(entry, Network, bridge) : NULL;
}

Network *networks_of_bridge(Networks *networks, const LinkInfo *bridge) {
        return bridge->group == NETWORK_GROUP ? networks_at(networks, bridge->ifindex) : NULL;
}

Network *networks_of_group(Networks *networks, uint32_t group) {
        if (network_of_tap_group(group) == 0)
                return NULL;
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (group_is_of_network(group, network->ifindex))
                        return network;
        }
        return NULL;
}

static void add_port(Networks *networks, Network *network, int ifindex) {
        ForeignPort *port = calloc(1, sizeof(ForeignPort));

        if (!port) {
                log_error("Out of memory: a port of the network %s is not shown",
                                network->tag.plan.name);
                return;
        }
        port->network = network;
        list_append(&network->foreign, &port->on_network);
        ifindex_map_add(&networks->foreign_ports, &port->link, ifindex);
        network->n_foreign++;
}

static void remove_port(ForeignPort *port) {
        port->network->n_foreign--;
        list_unlink(&port->on_network);
        list_unlink(&port->link.link);
        free(port);
}

void networks_see_port(Networks *networks, const LinkInfo *link, bool is_own) {
        IfindexEntry *entry = ifindex_map_find(&networks->foreign_ports, link->ifindex);
        ForeignPort *port = entry ? container_of(entry, ForeignPort, link) : NULL;
        Network *network = is_own ? NULL : networks_at(networks, link->master);

        if (network == (port ? port->network : NULL))
                return;
        if (port)
                remove_port(port);
        if (network)
                add_port(networks, network, link->ifindex);
        networks->ports_changed = true;
}

void networks_forget_ports(Networks *networks) {
        LIST_FOREACH(&networks->list, node)
                network_forget_ports(container_of(node, Network, link));
        networks->ports_changed = true;
}

void networks_tell_ports(Networks *networks) {
        if (!networks->ports_changed)
                return;
        networks->ports_changed = false;
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (network->n_foreign == network->n_foreign_told)
                        continue;
                network->n_foreign_told = network->n_foreign;
                if (networks->observer && network->state == NETWORK_LIVE)
                        networks->observer->shared(network, networks->observer_data);
        }
}

BridgePorts network_ports(const Network *network) {
        const unsigned foreign = (unsigned)network->n_foreign;
        unsigned own = 0;

        LIST_FOREACH(&network->endpoints, node)
                own += *container_of(node, NetworkPort, link)->master == network->ifindex;
        return (BridgePorts){ .all = own + foreign, .foreign = foreign };
}
