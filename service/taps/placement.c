/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a tap is to be: on a bridge of the host, on a network that is up or comes up for it, or on
 * none. Nothing is changed here.
 */
#include "taps/placement.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel/bridge.h"
#include "taps/bridge-ports.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/tap-filter-guard.h"

/* For an endpoint that is being deleted, or may only exist because of our own copies of its queues.
 * NULL: it stays. */
static List *waiters_for_end(const Manager *manager, Endpoint *endpoint) {
        if (endpoint->state == ENDPOINT_DELETING || endpoint->state == ENDPOINT_ABORTED)
                return &endpoint->waiters;
        return delayed_close_waiters(
                        manager->delayed_close, endpoint->tag.uid, &endpoint->tag.nonce);
}

static int wait_for_own(const Manager *manager, const Client *client, List **ret_blocked_on,
                const Failure *refusal, int error, Failure *failure) {
        List *waiters = delayed_close_waiters(manager->delayed_close, client->uid, NULL);

        if (waiters) {
                *ret_blocked_on = waiters;
                return PLACEMENT_BLOCKED;
        }
        *failure = *refusal;
        return error;
}

static bool waits_with_mac(Manager *manager, const Endpoint *endpoint, const Mac *mac) {
        return group_is_held(endpoint->now.group) && endpoint->tag.anti_spoof &&
                        mac_equal(&endpoint->tag.guest_mac, mac) &&
                        endpoint->state == ENDPOINT_LIVE &&
                        link_get(manager->netlink, endpoint->now.ifindex, &(LinkInfo){ 0 }, NULL) >=
                        0;
}

/* An endpoint that belongs on the bridge but is off it has no entry there, and still owns its
 * guest's MAC. */
static const Endpoint *find_waiting_with_mac(
                Manager *manager, const LinkInfo *bridge, const Mac *mac) {
        const Network *network = networks_at(manager->networks, bridge->ifindex);
        const HostBridge *host = network ? NULL : host_bridge_find(&manager->bridges, bridge->name);

        if (network)
                LIST_FOREACH(&network->endpoints, node) {
                        const Endpoint *endpoint = container_of(node, Endpoint, on_network.link);

                        if (waits_with_mac(manager, endpoint, mac))
                                return endpoint;
                }
        if (host)
                LIST_FOREACH(&host->endpoints, node) {
                        const Endpoint *endpoint = container_of(node, Endpoint, on_bridge);

                        if (waits_with_mac(manager, endpoint, mac))
                                return endpoint;
                }
        return NULL;
}

static int check_who_waits(
                Manager *manager, const LinkInfo *bridge, const Mac *mac, Failure *failure) {
        const Endpoint *endpoint = find_waiting_with_mac(manager, bridge, mac);
        char text[MAC_TEXT_SIZE];

        if (!endpoint)
                return PLACEMENT_OK;
        return failure_set(failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                        "The MAC %s is that of the guest of %s, which belongs on the bridge \"%s\" and is off it for now. Choose another guest_mac, or leave it out.",
                        mac_format(mac, text), endpoint->now.name, bridge->name);
}

static int check_mac(Manager *manager, const LinkInfo *bridge, const Mac *mac,
                List **ret_blocked_on, Failure *failure) {
        char text[MAC_TEXT_SIZE], port_name[IFNAMSIZ];
        Failure lookup = FAILURE_INIT;
        Endpoint *endpoint;
        FdbEntry entry;
        List *waiters;
        int r;

        r = bridge_find_mac(manager->netlink, bridge->ifindex, mac, &entry, &lookup);
        if (r == -ENOENT && bridge->vlan > 0)
                r = bridge_find_mac_in_vlan(manager->netlink, bridge->ifindex, mac, bridge->vlan,
                                &entry, &lookup);
        if (r == -ENOENT)
                return check_who_waits(manager, bridge, mac, failure);
        if (r == -ENODEV)
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "The bridge \"%s\" was deleted or replaced meanwhile. Ask again.",
                                bridge->name);
        if (r < 0)
                return failure_set(failure, lookup.kind, -r, "%s", lookup.text);

        endpoint = registry_by_ifindex(&manager->registry, entry.port);
        waiters = endpoint && ret_blocked_on ? waiters_for_end(manager, endpoint) : NULL;
        if (waiters) {
                *ret_blocked_on = waiters;
                return PLACEMENT_BLOCKED;
        }
        link_name(manager->netlink, entry.port, port_name);
        if (!endpoint && entry.learnt) {
                (void)failure_set(failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                                "The bridge \"%s\" has seen the MAC %s behind %s of late. If the guest has moved here, whoever manages endpoints may take it over, and others where AllowLearntMacs= lists the bridge (vnicd.conf(5)). Else choose another guest_mac, or leave it out.",
                                bridge->name, mac_format(mac, text), port_name);
                return PLACEMENT_LEARNT;
        }
        return failure_set(failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                        "The bridge \"%s\" knows the MAC %s already, behind %s. Choose another guest_mac, or leave it out.",
                        bridge->name, mac_format(mac, text), port_name);
}

int placement_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                List **ret_blocked_on, Failure *failure) {
        const Mac host_mac = mac_of_host_side(guest_mac);
        int guest, host;

        guest = check_mac(manager, bridge, guest_mac, ret_blocked_on, failure);
        if (guest < 0 || guest == PLACEMENT_BLOCKED)
                return guest;
        host = check_mac(manager, bridge, &host_mac, ret_blocked_on, failure);
        return host == PLACEMENT_OK ? guest : host;
}

/* What the kernel would refuse is refused before anybody is asked to authenticate. */
static int check_ports(Manager *manager, const Placement *place, const Client *client,
                unsigned ports, unsigned most, List **ret_blocked_on, Failure *failure) {
        Failure refusal = FAILURE_INIT;

        if (ports < most)
                return 0;
        failure_set(&refusal, FAILURE_BRIDGE_FULL, EXFULL,
                        "The bridge \"%s\" has %u ports, and %u is the most it may have. Release an endpoint on it, or use another bridge.",
                        place->bridge.name, ports, most);
        return wait_for_own(manager, client, ret_blocked_on, &refusal, -EXFULL, failure);
}

static int check_mtu(const TapRequest *request, const LinkInfo *bridge, Failure *failure) {
        if (request->has_mtu && request->mtu != bridge->mtu)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"mtu\" was %u, and that of the bridge \"%s\" is %u: a smaller port lowers the whole bridge, and a larger one can raise it. Leave it out to get the bridge's.",
                                request->mtu, request->bridge, bridge->mtu);
        if (bridge->mtu > TAP_MTU_MAX)
                return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                                "The bridge \"%s\" has an MTU of %u, and a tap can have %u at most. Use another bridge, or lower its MTU.",
                                request->bridge, bridge->mtu, TAP_MTU_MAX);
        return 0;
}

static int check_user(Manager *manager, const Network *network, const Client *client,
                List **ret_blocked_on, Failure *failure) {
        const Limits limits = {
                .endpoints = network->tag.plan.ports_per_user,
                .queues = UINT_MAX,
                .creations = UINT_MAX,
        };
        Failure refusal = FAILURE_INIT;

        if (quota_check(network->ports_of_users, client->uid, &limits, 1, 0, NULL) >= 0)
                return 0;
        failure_set(&refusal, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                        "You have %u endpoints on the network \"%s\", which is the most that a user may have there. Release one, or use another network.",
                        limits.endpoints, network->tag.plan.name);
        return wait_for_own(manager, client, ret_blocked_on, &refusal, -EDQUOT, failure);
}

/* Looks at each port: a foreign one decides which action polkit is asked about. */
static int look_at_ports_of_network(Manager *manager, Placement *place, const Client *client,
                List **ret_blocked_on, Failure *failure) {
        const NetworkPlan *plan = &place->network->tag.plan;
        unsigned most = client->ports_per_bridge;
        BridgePorts ports;
        int r;

        if (plan->ports_max < most)
                most = plan->ports_max;
        (void)manager_look_at_ports(manager, place->bridge.ifindex, &ports);
        place->shared = ports.foreign > 0;
        r = check_ports(manager, place, client, ports.all, most, ret_blocked_on, failure);
        return r != PLACEMENT_OK
                        ? r
                        : check_user(manager, place->network, client, ret_blocked_on, failure);
}

/* The name was read a moment ago, so sysfs, which is cheapest, is good enough. */
static int look_at_ports(Manager *manager, Placement *place, const Client *client,
                List **ret_blocked_on, Failure *failure) {
        const unsigned most = client->ports_per_bridge;
        unsigned ports;

        if (place->network)
                return look_at_ports_of_network(manager, place, client, ret_blocked_on, failure);
        if (!client->count_ports && most >= BRIDGE_PORTS_MAX)
                return PLACEMENT_OK;
        if (place->bridge.ifindex == 0 || bridge_count_ports(place->bridge.name, &ports) < 0)
                return PLACEMENT_OK;
        return check_ports(manager, place, client, ports, most, ret_blocked_on, failure);
}

static bool is_unfiltered(const TapRequest *request, const NetworkPlan *plan) {
        return (request->has_anti_spoof && !request->anti_spoof) ||
                        (plan->guests_isolated && request->has_isolated && !request->isolated);
}

/* Its bridge was renamed, so waiting for its end could take for ever. */
static bool is_renamed(Manager *manager, const Network *network) {
        LinkInfo bridge;

        return !network_is_ending(network) &&
                        link_get(manager->netlink, network->ifindex, &bridge, NULL) >= 0 &&
                        strcmp(bridge.name, network->tag.plan.name) != 0;
}

/* Nobody should wait for an end that may never come. */
static int wait_for_end(Network *network, List **ret_blocked_on, Failure *failure) {
        if (network->refusals > 0)
                return failure_set(failure, FAILURE_NO_SUCH_NETWORK, ENODEV,
                                "The network \"%s\" is being deleted, and the kernel refuses to delete its bridge. Try again in a minute, or have an administrator delete the bridge (ip link delete).",
                                network->tag.plan.name);
        *ret_blocked_on = &network->waiters;
        return PLACEMENT_BLOCKED;
}

/* The network has no bridge yet, or one that is being deleted. */
static int look_at_definition(Manager *manager, const Client *client, Placement *place,
                List **ret_blocked_on, Failure *failure) {
        const NetworkPlan *plan = client->defined;
        Network *last = networks_find(manager->networks, plan->name);

        if (last && is_renamed(manager, last))
                return failure_set(failure, FAILURE_NO_SUCH_NETWORK, ENODEV,
                                "The bridge of the network \"%s\" was given another name. Have an administrator rename or delete it.",
                                plan->name);
        if (last)
                return wait_for_end(last, ret_blocked_on, failure);
        if (manager_awaits_bridge(manager, plan->name))
                return networks_check_name(manager->networks, plan->name, failure);
        *place = (Placement){ .plan = plan, .bridge = { .mtu = plan->mtu } };
        snprintf(place->bridge.name, sizeof(place->bridge.name), "%s", plan->name);
        return 0;
}

static int refuse_foreign(const Client *client, Failure *failure) {
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "The configuration defines a network \"%s\", and there is a bridge of that name that is not vnicd's: the network cannot come up. Rename or remove one of them.",
                        client->defined->name);
}

/* Whether all filters that a tap there needs are in force. */
static int look_at_filters(
                Manager *manager, Network *network, List **ret_blocked_on, Failure *failure) {
        int r = manager_look_at_filters(manager, network, ret_blocked_on, failure);

        return r > 0 ? PLACEMENT_BLOCKED : r;
}

static int look_at_bridge(Manager *manager, const Client *client, Placement *place,
                List **ret_blocked_on, Failure *failure) {
        place->network = networks_of_bridge(manager->networks, &place->bridge);
        if (!place->network && client->defined)
                return refuse_foreign(client, failure);
        if (!place->network)
                return look_at_filters(manager, NULL, ret_blocked_on, failure);
        if (network_is_ending(place->network))
                return wait_for_end(place->network, ret_blocked_on, failure);
        place->plan = &place->network->tag.plan;
        return look_at_filters(manager, place->network, ret_blocked_on, failure);
}

static int find_place(Manager *manager, const TapRequest *request, const Client *client,
                Placement *ret, List **ret_blocked_on, Failure *failure) {
        Failure lookup = FAILURE_INIT;
        int r = bridge_find(manager->netlink, request->bridge, &ret->bridge, &lookup);

        if (r >= 0)
                return look_at_bridge(manager, client, ret, ret_blocked_on, failure);
        if (r == -ENODEV && client->defined)
                return look_at_definition(manager, client, ret, ret_blocked_on, failure);
        return failure_set(failure, lookup.kind, -r, "%s", lookup.text);
}

static int refuse_address(
                const TapRequest *request, Failure *failure, FailureKind kind, const char *why) {
        char text[INET_ADDRSTRLEN];

        inet_ntop(AF_INET, &request->address, text, sizeof(text));
        return failure_set(failure, kind, kind == FAILURE_ADDRESS_IN_USE ? EADDRINUSE : EINVAL,
                        "The option \"address\" was %s, and %s.", text, why);
}

/* A host with Host= has its address whether it is there or not. */
static int check_hosts(const TapRequest *request, const NetworkHosts *hosts, Failure *failure) {
        for (size_t i = 0; hosts && i < hosts->n; i++) {
                const NetworkHost *host = &hosts->hosts[i];
                const bool is_its_mac = request->has_guest_mac &&
                                mac_equal(&host->mac, &request->guest_mac);
                const bool is_its_address = host->address.s_addr == request->address.s_addr;

                if (is_its_address && !is_its_mac)
                        return refuse_address(request, failure, FAILURE_ADDRESS_IN_USE,
                                        "the definition of the network gives it to another MAC (Host=). Choose another address");
                if (is_its_mac && !is_its_address)
                        return refuse_address(request, failure, FAILURE_INVALID_OPTION,
                                        "the definition of the network gives guest_mac another one (Host=). Leave the option out to get that");
        }
        return PLACEMENT_OK;
}

/* Whether the network gives it to nobody else; who has leased it is found out when it is reserved
 * (api/fixed-addresses). */
static int check_address(const Manager *manager, const TapRequest *request, const Client *client,
                const Placement *place, List **ret_blocked_on, Failure *failure) {
        const NetworkPlan *plan = place->plan;

        if (!plan || !plan->dhcp || !plan->host_access)
                return refuse_address(request, failure, FAILURE_INVALID_OPTION,
                                "only a network of vnicd with DHCP gives its guests addresses. Leave the option out");
        if (plan->v4_prefix == 0)
                return refuse_address(request, failure, FAILURE_INVALID_OPTION,
                                place->network ? "the network has no IPv4 addresses. Leave the option out"
                                               : "the network chooses its addresses when it comes up. Give it an Address= in its definition, or ask again once it is up");
        if (!network_plan_has_room_at(plan, request->address))
                return refuse_address(request, failure, FAILURE_INVALID_OPTION,
                                "no guest of the network can have that. Choose one of its subnet");
        if (request->address.s_addr == plan->v4.s_addr)
                return refuse_address(request, failure, FAILURE_ADDRESS_IN_USE,
                                "that is the host's own there. Choose another address");
        if (place->network)
                LIST_FOREACH(&place->network->endpoints, node) {
                        Endpoint *endpoint = container_of(node, Endpoint, on_network.link);

                        if (endpoint->tag.address.s_addr != request->address.s_addr)
                                continue;
                        *ret_blocked_on = waiters_for_end(manager, endpoint);
                        return *ret_blocked_on
                                        ? PLACEMENT_BLOCKED
                                        : refuse_address(request, failure, FAILURE_ADDRESS_IN_USE,
                                                          "it is reserved for another guest. Choose another address");
                }
        /* Whoever made the network has its hosts nowhere. */
        return place->network && place->network->tag.kept
                        ? PLACEMENT_OK
                        : check_hosts(request, client->hosts, failure);
}

static int look_at_place(Manager *manager, const TapRequest *request, const Client *client,
                Placement *ret, List **ret_blocked_on, Failure *failure) {
        Failure refusal = FAILURE_INIT;
        int r;

        *ret = (Placement){ 0 };
        if (request->where == TAP_ON_NOTHING)
                return 0;
        r = find_place(manager, request, client, ret, ret_blocked_on, failure);
        if (r != PLACEMENT_OK)
                return r;
        ret->unfiltered = ret->plan && is_unfiltered(request, ret->plan);
        r = check_mtu(request, &ret->bridge, failure);
        if (r >= 0)
                r = look_at_ports(manager, ret, client, ret_blocked_on, failure);
        if (r == PLACEMENT_OK && request->has_address)
                r = check_address(manager, request, client, ret, ret_blocked_on, failure);
        if (r != PLACEMENT_OK || !request->has_guest_mac || ret->bridge.ifindex == 0)
                return r;
        r = placement_check_mac(
                        manager, &ret->bridge, &request->guest_mac, ret_blocked_on, &refusal);
        if (r == PLACEMENT_LEARNT) {
                ret->learnt = refusal;
                return PLACEMENT_OK;
        }
        return r < 0 ? failure_set(failure, refusal.kind, -r, "%s", refusal.text) : r;
}

/* Refuses a set that is valid, but not on this host or not with this header. */
static int check_offloads(const Manager *manager, const TapRequest *request, Failure *failure) {
        uint32_t able = offload_for_header(
                        manager->capabilities.offloads.mask, request->vnet_hdr_size);
        const char *missing[OFFLOAD_NAMES_MAX + 1];

        if ((request->offloads & ~able) == 0)
                return 0;
        offload_names(request->offloads & ~able, missing);
        return failure_set(failure, FAILURE_OFFLOAD_UNSUPPORTED, EOPNOTSUPP,
                        "The offload \"%s\" was asked for, and %s. Leave it out.", *missing,
                        request->offloads & ~manager->capabilities.offloads.mask
                                        ? "this host's kernel does not have it"
                                        : "a header of this size has no room for it: set vnet_hdr_size to 24");
}

static int check_quota(Manager *manager, const Client *client, unsigned queues,
                List **ret_blocked_on, Failure *failure) {
        Failure refusal = FAILURE_INIT;
        int r = quota_check(manager->quota, client->uid, &client->limits, 1, queues, &refusal);

        if (r == -EDQUOT)
                return wait_for_own(manager, client, ret_blocked_on, &refusal, r, failure);
        if (r < 0)
                *failure = refusal;
        return r;
}

static int check_label(Manager *manager, const TapRequest *request, const Client *client,
                List **ret_blocked_on, Failure *failure) {
        Endpoint *endpoint = *request->label
                        ? registry_by_label(&manager->registry, client->uid, request->label)
                        : NULL;
        List *waiters = endpoint && endpoint->state != ENDPOINT_DELETING
                        ? waiters_for_end(manager, endpoint)
                        : NULL;

        if (!endpoint)
                return 0;
        if (waiters) {
                *ret_blocked_on = waiters;
                return PLACEMENT_BLOCKED;
        }
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "You have an endpoint with the label \"%s\" already. Choose another one, or release it first.",
                        request->label);
}

int placement_check(Manager *manager, const TapRequest *request, const Client *client,
                Placement *ret, List **ret_blocked_on, Failure *failure) {
        Placement place = { 0 };
        int r;

        *ret = place;
        *ret_blocked_on = NULL;
        r = check_quota(manager, client, request->queues, ret_blocked_on, failure);
        if (r != PLACEMENT_OK)
                return r;
        r = check_label(manager, request, client, ret_blocked_on, failure);
        if (r != PLACEMENT_OK)
                return r;
        r = check_offloads(manager, request, failure);
        if (r < 0)
                return r;
        r = look_at_place(manager, request, client, &place, ret_blocked_on, failure);
        if (r == PLACEMENT_OK)
                *ret = place;
        return r;
}
