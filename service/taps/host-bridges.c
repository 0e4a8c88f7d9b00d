/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follows the host bridges that endpoints belong on, when one is renamed, deleted, or created
 * again. Endpoints that have lost their bridge are put back on one of that name, never on a
 * network, each with its filters before its frames pass (taps/reconcile-endpoint).
 */
#include "taps/host-bridges.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "networks/group.h"
#include "taps/bridge-ports.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/reconcile-endpoint.h"

/* So many are put back at a time, each in some 0.3 ms; other work is done in the pauses. */
#define REJOIN_AT_ONCE    16
#define REJOIN_PAUSE_USEC (5 * 1000)

#define BRIDGE_IS_LEFT (1U << ENDPOINT_FACT_BRIDGE)

static bool waits(const Endpoint *endpoint) {
        return endpoint->state == ENDPOINT_LIVE && endpoint->now.master == 0 &&
                        endpoint->now.group == TAP_GROUP_HELD;
}

static void tell_rejoined(const HostBridge *bridge) {
        if (bridge->rejoined > 0 && bridge->refused == 0)
                log_info("The bridge %s is there again: endpoints that are back on it: %u",
                                bridge->name, bridge->rejoined);
        else if (bridge->refused > 0)
                log_warning("The bridge %s is there again: endpoints that are back on it: %u, and that are not: %u. RejoinBridges= or DenyBridges= (vnicd.conf(5)) keeps them off it, or they were put back %u times within a minute.",
                                bridge->name, bridge->rejoined, bridge->refused, RESTORATIONS_MAX);
}

/* A bridge takes the MTU of its first port unless its own was set, so the tap gets the bridge's MTU
 * first. */
static int join(Manager *manager, const LinkInfo *link, Endpoint *endpoint, Failure *failure) {
        const int ifindex = endpoint->now.ifindex;
        int r = 0;

        if (endpoint->now.mtu != link->mtu)
                r = link_set_mtu(manager->netlink, ifindex, link->mtu, failure);
        return r < 0 ? r : link_set_master(manager->netlink, ifindex, link->ifindex, failure);
}

static bool may_rejoin(Manager *manager, HostBridge *bridge, Endpoint *endpoint) {
        const ManagerObserver *observer = manager->observer;

        if (observer && observer->may_rejoin &&
                        !observer->may_rejoin(endpoint, bridge->name, manager->userdata))
                return false;
        return endpoint_may_restore(endpoint, ENDPOINT_FACT_BRIDGE, clock_now_usec());
}

static void put_back(
                Manager *manager, HostBridge *bridge, const LinkInfo *link, Endpoint *endpoint) {
        Failure failure = FAILURE_INIT;
        LinkInfo now;

        if (!may_rejoin(manager, bridge, endpoint)) {
                endpoint->left |= BRIDGE_IS_LEFT;
                bridge->refused++;
                return;
        }
        if (join(manager, link, endpoint, &failure) < 0) {
                log_warning("Cannot put %s back on the bridge %s: %s", endpoint->now.name,
                                bridge->name, failure.text);
                endpoint->left |= BRIDGE_IS_LEFT;
                bridge->refused++;
                return;
        }
        endpoint->left &= ~BRIDGE_IS_LEFT;
        bridge->rejoined++;
        if (link_get(manager->netlink, endpoint->now.ifindex, &now, NULL) < 0)
                return;
        manager_follow(manager, endpoint, &now);
        manager->rejoining = true;
        manager_reconcile(manager, endpoint);
        manager->rejoining = false;
}

static void try_later(Manager *manager, HostBridge *bridge, Endpoint *endpoint) {
        const uint64_t next = endpoint_restores_next(endpoint, ENDPOINT_FACT_BRIDGE);

        if (endpoint->left & BRIDGE_IS_LEFT && next > clock_now_usec())
                reconciler_mark_at(manager->reconciler, &bridge->rejoin, next);
        endpoint->left &= ~BRIDGE_IS_LEFT;
}

/* Pins the bridge before the first port joins, as CreateTap does. */
static void keep_as_it_is(Manager *manager, const LinkInfo *link) {
        const bool pin_mac = manager_should_pin_mac(manager, link);
        Failure failure = FAILURE_INIT;

        if (bridge_pin(manager->netlink, link, pin_mac, &failure) < 0)
                log_warning("Cannot set the MTU and the MAC of %s: %s", link->name, failure.text);
}

void manager_rejoin_bridge(Reconcilable *thing) {
        HostBridge *bridge = container_of(thing, HostBridge, rejoin);
        Manager *manager = bridge->owner;
        unsigned n = 0;
        LinkInfo link;

        if (bridge->ifindex == 0 || link_get(manager->netlink, bridge->ifindex, &link, NULL) < 0 ||
                        strcmp(link.name, bridge->name) != 0 || link.group == NETWORK_GROUP)
                return; /* an event will tell what happened to it */
        LIST_FOREACH_SAFE(&bridge->endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, on_bridge);

                if (!waits(endpoint) || endpoint->left & BRIDGE_IS_LEFT)
                        continue;
                if (n == 0 && bridge->rejoined == 0)
                        keep_as_it_is(manager, &link);
                if (n++ == REJOIN_AT_ONCE) {
                        reconciler_mark_at(manager->reconciler, &bridge->rejoin,
                                        clock_now_usec() + REJOIN_PAUSE_USEC);
                        return;
                }
                put_back(manager, bridge, &link, endpoint);
        }
        tell_rejoined(bridge);
        bridge->rejoined = bridge->refused = 0;
        /* They are tried again when the limit allows it. */
        LIST_FOREACH(&bridge->endpoints, node)
                try_later(manager, bridge, container_of(node, Endpoint, on_bridge));
}

static void check_all(Manager *manager, HostBridge *bridge) {
        LIST_FOREACH(&bridge->endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, on_bridge);

                manager_follow(manager, endpoint,
                                &endpoint->now); /* works its warnings out again */
                manager_check(manager, endpoint);
        }
}

/* Its endpoints keep it, and their tags get the new name; endpoints that waited for a bridge of the
 * new name rejoin it. */
static void rename_bridge(Manager *manager, HostBridge *bridge, const char *name) {
        const int ifindex = bridge->ifindex;
        HostBridge *renamed = host_bridge_find(&manager->bridges, name);

        log_info("The bridge %s is %s now", bridge->name, name);
        manager_bridge_is_renamed(manager, ifindex);
        if (!renamed) {
                strcpy(bridge->name, name);
                check_all(manager, bridge);
                return;
        }
        bridge->ifindex = 0;
        LIST_FOREACH_SAFE(&bridge->endpoints, node)
                if (manager_enter_bridge(manager, container_of(node, Endpoint, on_bridge), name,
                                    ifindex) < 0)
                        return;
        check_all(manager, renamed);
        manager_mark_bridge(manager, renamed);
}

/* Counts those that were on it and are not known to be on another one. */
static unsigned count_lost(const HostBridge *bridge) {
        unsigned n = 0;

        LIST_FOREACH(&bridge->endpoints, node) {
                const Endpoint *endpoint = container_of(node, Endpoint, on_bridge);

                n += endpoint->now.master == 0 || endpoint->now.master == bridge->ifindex;
        }
        return n;
}

/* They are held once the current events are read: the record is freed with the last endpoint that
 * is on another bridge by then. */
static void bridge_is_gone(Manager *manager, HostBridge *bridge) {
        const unsigned n = count_lost(bridge);

        if (n > 0)
                log_warning("The bridge %s is gone. Endpoints that wait for one of that name: %u",
                                bridge->name, n);
        bridge->ifindex = 0;
        bridge->mtu = 0;
        check_all(manager, bridge);
}

void manager_see_host_bridge(Manager *manager, const LinkInfo *link, LinkEvent event) {
        HostBridge *bridge = host_bridge_at(&manager->bridges, link->ifindex);
        char name[IFNAMSIZ];

        if (event == LINK_GONE) {
                if (bridge)
                        bridge_is_gone(manager, bridge);
                return;
        }
        if (strcmp(link->kind, "bridge") != 0 || link->group == NETWORK_GROUP)
                return;
        /* The event may be older than the present name. */
        if (bridge && strcmp(bridge->name, link->name) != 0 &&
                        *link_name(manager->netlink, link->ifindex, name) &&
                        strcmp(bridge->name, name) != 0) {
                rename_bridge(manager, bridge, name);
                bridge = host_bridge_at(&manager->bridges, link->ifindex);
        }
        if (!bridge) {
                bridge = host_bridge_find(&manager->bridges, link->name);
                if (!bridge ||
                                strcmp(link_name(manager->netlink, link->ifindex, name),
                                                link->name) != 0)
                        return;
                bridge->ifindex = link->ifindex;
                manager_mark_bridge(manager, bridge);
        }
        if (bridge->mtu != link->mtu) {
                bridge->mtu = link->mtu;
                check_all(manager, bridge);
        }
}

static void look_for_bridge(Manager *manager, HostBridge *bridge) {
        LinkInfo link;

        if (bridge->ifindex > 0 && link_get(manager->netlink, bridge->ifindex, &link, NULL) >= 0) {
                manager_see_host_bridge(manager, &link, LINK_IS);
                return;
        }
        if (bridge->ifindex > 0)
                bridge_is_gone(manager, bridge);
        if (link_get_by_name(manager->netlink, bridge->name, &link, NULL) >= 0)
                manager_see_host_bridge(manager, &link, LINK_IS);
}

void manager_resync_bridges(Manager *manager) {
        LIST_FOREACH_SAFE(&manager->bridges, node)
                look_for_bridge(manager, container_of(node, HostBridge, link));
}
