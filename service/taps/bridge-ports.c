/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which ports of a bridge are ours. A network with a foreign port leads anywhere, so the action
 * that polkit is asked about depends on it: that is decided port by port, by ifindex, from one
 * dump, and never from two counts taken at different times. What link events tell is only shown,
 * and used, once all of them are read, to see whether a foreign port has joined since that dump.
 */
#include "taps/bridge-ports.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/address.h"
#include "kernel/bridge.h"
#include "networks/network-leases.h"
#include "taps/manager-private.h"

/* A tap that somebody has moved to another bridge counts as foreign there: no filter of a network
 * knows it, and nobody was asked whether it may be on that bridge. */
bool manager_owns_port(Manager *manager, const LinkInfo *link) {
        const Endpoint *endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
        const Network *network = networks_at(manager->networks, link->master);
        Tag tag;

        if (!endpoint || endpoint->network != network)
                return false;
        /* If the alias is still the one that was parsed before, there is nothing to parse again. */
        if ((strcmp(link->kind, "tun") != 0 || strcmp(link->alias, endpoint->now.alias) != 0) &&
                        (tag_of_link(link, &tag) < 0 || !tags_are_of_one(&tag, &endpoint->tag)))
                return false;
        return !network || group_is_of_network(link->group, network->ifindex);
}

typedef struct Look {
        Manager *manager;
        BridgePorts ports;
} Look;

static int count_port(const LinkInfo *link, void *userdata) {
        Look *look = userdata;

        if (lease_end_is_port(link))
                return 0;
        look->ports.all++;
        look->ports.foreign += !manager_owns_port(look->manager, link);
        return 0;
}

int manager_look_at_ports(Manager *manager, int bridge, BridgePorts *ret) {
        Look look = { .manager = manager };
        Failure failure = FAILURE_INIT;
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r) {
                look.ports = (BridgePorts){ 0 };
                r = link_dump_ports(manager->netlink, bridge, count_port, &look, &failure);
        }
        if (r < 0) {
                log_warning("Cannot look at the ports of a bridge, and take them for foreign: %s",
                                failure.text);
                look.ports = (BridgePorts){ .all = 1, .foreign = 1 };
        }
        *ret = look.ports;
        return r;
}

/* Guests know the host by this address: the MAC that belongs to it must not follow the taps. */
static bool has_address(Manager *manager, const LinkInfo *bridge) {
        bool found = false;
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r)
                r = address_find_wide(manager->netlink, bridge->ifindex, &found, NULL);
        return r < 0 || found;
}

static bool is_unpinned(const Manager *manager, int bridge) {
        for (size_t i = 0; i < manager->n_unpinned; i++)
                if (manager->unpinned[i] == bridge)
                        return true;
        return false;
}

static void remember_unpinned(Manager *manager, int bridge) {
        if (manager->n_unpinned < UNPINNED_MAX)
                manager->unpinned[manager->n_unpinned++] = bridge;
}

/* The MAC of a bridge that has neither an uplink nor an address is accidental, and nobody knows the
 * host by it. It will take the MAC of its uplink, by which a DHCP server knows the host: ours begin
 * with FE and are never lower. */
bool manager_should_pin_mac(Manager *manager, const LinkInfo *bridge) {
        BridgePorts ports;

        if (bridge_mac_is_pinned(bridge->name))
                return false;
        /* An event will tell of a foreign port on one of these, so there is no need for a dump that
         * grows with the number of our taps there. */
        if (is_unpinned(manager, bridge->ifindex))
                return has_address(manager, bridge);
        (void)manager_look_at_ports(manager, bridge->ifindex, &ports);
        if (ports.foreign > 0 || has_address(manager, bridge))
                return true;
        remember_unpinned(manager, bridge->ifindex);
        return false;
}

static void pin_if_due(Manager *manager, int ifindex) {
        Failure failure = FAILURE_INIT;
        LinkInfo bridge;

        if (link_get(manager->netlink, ifindex, &bridge, NULL) >= 0 &&
                        manager_should_pin_mac(manager, &bridge) &&
                        bridge_pin(manager->netlink, &bridge, true, &failure) < 0)
                log_warning("Cannot set the MAC of %s: %s", bridge.name, failure.text);
}

static void check_bridge(Manager *manager, size_t at) {
        const int ifindex = manager->unpinned[at];

        manager->unpinned[at] = manager->unpinned[--manager->n_unpinned];
        pin_if_due(manager, ifindex); /* remembers it again if it is not */
}

void manager_see_port_of_bridge(Manager *manager, const LinkInfo *link) {
        if (manager->n_unpinned == 0 || registry_by_ifindex(&manager->registry, link->ifindex))
                return;
        for (size_t i = 0; i < manager->n_unpinned; i++)
                if (manager->unpinned[i] == link->master) {
                        check_bridge(manager, i);
                        return;
                }
}

void manager_forget_bridge(Manager *manager, int bridge) {
        for (size_t i = 0; i < manager->n_unpinned; i++)
                if (manager->unpinned[i] == bridge)
                        manager->unpinned[i] = manager->unpinned[--manager->n_unpinned];
}

void manager_check_bridges(Manager *manager) {
        for (size_t i = manager->n_unpinned; i > 0; i--)
                check_bridge(manager, i - 1);
}

void manager_adopt_bridges(Manager *manager) {
        int last = 0;

        LIST_FOREACH(&manager->registry.endpoints, node) {
                const Endpoint *endpoint = container_of(node, Endpoint, link);

                if (endpoint->now.master <= 0 || endpoint->network ||
                                endpoint->now.master == last ||
                                is_unpinned(manager, endpoint->now.master))
                        continue;
                last = endpoint->now.master;
                pin_if_due(manager, last);
        }
}

void manager_see_port(Manager *manager, const LinkInfo *link) {
        const bool is_own = !networks_at(manager->networks, link->master) ||
                        lease_end_is_port(link) || manager_owns_port(manager, link);

        networks_see_port(manager->networks, link, is_own);
}
