/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a tap is to be: a bridge of the host, a network that is up or that comes up for it, or
 * nowhere. Looks only.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel/bridge.h"
#include "taps/manager-private.h"

/* What the kernel would refuse is refused before anybody is asked for it. */
static int check_ports(Manager *manager, const Place *place, const Client *client, unsigned ports,
                unsigned most, List **ret_blocked_on, Failure *failure) {
        Failure refusal = FAILURE_INIT;

        if (ports < most)
                return 0;
        failure_set(&refusal, FAILURE_BRIDGE_FULL, EXFULL,
                        "The bridge \"%s\" has %u ports, and %u is the most it may have. Release an endpoint on it, or use another bridge.",
                        place->bridge.name, ports, most);
        return manager_wait_for_own(manager, client, ret_blocked_on, &refusal, -EXFULL, failure);
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
        return manager_wait_for_own(manager, client, ret_blocked_on, &refusal, -EDQUOT, failure);
}

/* Port by port: a foreign one decides which action is asked about. */
static int look_at_ports_of_network(Manager *manager, Place *place, const Client *client,
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

/* The name is from the look a moment ago, so sysfs, which costs least, will do. */
static int look_at_ports(Manager *manager, Place *place, const Client *client,
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

/* Its bridge has another name than it: waiting for its end could take for ever. */
static bool is_renamed(Manager *manager, const Network *network) {
        LinkInfo bridge;

        return !network->doomed &&
                        link_get(manager->netlink, network->ifindex, &bridge, NULL) >= 0 &&
                        strcmp(bridge.name, network->tag.plan.name) != 0;
}

/* Nobody waits for what may never come. */
static int wait_for_end(Network *network, List **ret_blocked_on, Failure *failure) {
        if (network->refusals > 0)
                return failure_set(failure, FAILURE_NO_SUCH_NETWORK, ENODEV,
                                "The network \"%s\" is being deleted, and the kernel refuses to delete its bridge. Try again in a minute, or have an administrator delete the bridge (ip link delete).",
                                network->tag.plan.name);
        *ret_blocked_on = &network->watches;
        return PLACEMENT_BLOCKED;
}

/* It has no bridge yet, or one that goes. */
static int look_at_definition(Manager *manager, const Client *client, Place *place,
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
        *place = (Place){ .plan = plan, .bridge = { .mtu = plan->mtu } };
        snprintf(place->bridge.name, sizeof(place->bridge.name), "%s", plan->name);
        return 0;
}

static int refuse_foreign(const Client *client, Failure *failure) {
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "The configuration defines a network \"%s\", and there is a bridge of that name that is not vnicd's: the network cannot come up. Rename or remove one of them.",
                        client->defined->name);
}

static int look_at_bridge(Manager *manager, const Client *client, Place *place,
                List **ret_blocked_on, Failure *failure) {
        place->network = networks_of_bridge(manager->networks, &place->bridge);
        if (!place->network && client->defined)
                return refuse_foreign(client, failure);
        if (!place->network)
                return manager_look_at_filters(manager, NULL, ret_blocked_on, failure);
        if (place->network->doomed)
                return wait_for_end(place->network, ret_blocked_on, failure);
        place->plan = &place->network->tag.plan;
        return manager_look_at_filters(manager, place->network, ret_blocked_on, failure);
}

static int find_place(Manager *manager, const TapRequest *request, const Client *client, Place *ret,
                List **ret_blocked_on, Failure *failure) {
        Failure lookup = FAILURE_INIT;
        int r = bridge_find(manager->netlink, request->bridge, &ret->bridge, &lookup);

        if (r >= 0)
                return look_at_bridge(manager, client, ret, ret_blocked_on, failure);
        if (r == -ENODEV && client->defined)
                return look_at_definition(manager, client, ret, ret_blocked_on, failure);
        return failure_set(failure, lookup.kind, -r, "%s", lookup.text);
}

int manager_look_at_place(Manager *manager, const TapRequest *request, const Client *client,
                Place *ret, List **ret_blocked_on, Failure *failure) {
        Failure refusal = FAILURE_INIT;
        int r;

        *ret = (Place){ 0 };
        if (request->no_bridge)
                return 0;
        r = find_place(manager, request, client, ret, ret_blocked_on, failure);
        if (r != PLACEMENT_OK)
                return r;
        ret->unfiltered = ret->plan && is_unfiltered(request, ret->plan);
        r = check_mtu(request, &ret->bridge, failure);
        if (r >= 0)
                r = look_at_ports(manager, ret, client, ret_blocked_on, failure);
        if (r != PLACEMENT_OK || !request->has_guest_mac || ret->bridge.ifindex == 0)
                return r;
        r = manager_check_mac(manager, &ret->bridge, &request->guest_mac, ret_blocked_on, &refusal);
        if (r == PLACEMENT_LEARNT) {
                ret->learnt = refusal;
                return PLACEMENT_OK;
        }
        return r < 0 ? failure_set(failure, refusal.kind, -r, "%s", refusal.text) : r;
}
