/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Step "act" of CreateTap: all or nothing. What was begun and failed is taken away
 * by closing its queues; until the kernel has said so, its record stays as ABORTED, so that it is
 * never mistaken for an endpoint.
 */
#include "taps/tap-creation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/log.h"
#include "taps/address-watch.h"
#include "taps/bridge-ports.h"
#include "taps/deletion.h"
#include "taps/guest-sources.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/placement.h"
#include "taps/reconcile-endpoint.h"
#include "taps/tap-setup.h"

/* Somebody who opens a queue of each new device before it has its owner wins every second time at
 * the first attempt, and hardly ever later, when kernel/owner-race-guard is used. */
#define ATTEMPTS 16

DEFINE_CLEANUP(Endpoint, endpoint_free)

/* What one CreateTap was asked and for whom. */
typedef struct CreateContext {
        const TapRequest *request;
        const Client *client;
        const LinkInfo *bridge; /* NULL: none */
        Network *network;       /* NULL: none */
        bool shared;            /* the network has a foreign port, which was allowed */
        bool learnt; /* the guest's MAC was learnt behind a foreign port, and may be taken over */
        bool race_lost; /* somebody opened a queue of the device of the last attempt */
} CreateContext;

/* Gives the guest's MAC: the one that was requested, or for which an address is reserved, or one
 * that nobody on the bridge has. */
static int choose_mac(Manager *manager, const CreateContext *context, Mac *ret, Failure *failure) {
        int r;

        if (context->request->has_guest_mac || context->request->has_address) {
                *ret = context->request->guest_mac;
                return 0;
        }
        r = mac_generate(ret);
        if (r < 0 || !context->bridge)
                return r;
        r = placement_check_mac(manager, context->bridge, ret, NULL, failure);
        return r == PLACEMENT_LEARNT ? -EADDRINUSE : r;
}

static int make_tag(Manager *manager, const CreateContext *context, const LinkPort *port, Tag *ret,
                Failure *failure) {
        Tag tag = {
                .uid = context->client->uid,
                .persistent = tap_request_outlives_queues(context->request),
                .until_logout = context->request->until_logout,
                .queues = context->request->queues,
                .vnet_hdr_size = context->request->vnet_hdr_size,
                .mac_state = context->request->has_guest_mac ? MAC_GIVEN : MAC_GENERATED,
                .created = (uint64_t)time(NULL),
                .isolated = port->isolated,
                .anti_spoof = port->locked,
                .bpdu_guard = port->bpdu_guard,
                .on_network = context->network,
                .address = context->request->address,
        };
        int r;

        snprintf(tag.label, sizeof(tag.label), "%s", context->request->label);
        if (context->bridge)
                snprintf(tag.bridge, sizeof(tag.bridge), "%s", context->bridge->name);
        r = ifname_nonce(&tag.nonce);
        if (r < 0)
                return r;
        r = choose_mac(manager, context, &tag.guest_mac, failure);
        if (r < 0)
                return r;
        *ret = tag;
        return 0;
}

/* What its holder may do to others on the bridge: where the request does not say, the network does.
 */
static TapPort make_port(const Manager *manager, const CreateContext *context) {
        const TapRequest *request = context->request;
        const NetworkPlan *network = context->network ? &context->network->tag.plan : NULL;
        TapPortRequest port = {
                .network = context->network ? context->network->ifindex : 0,
                .bridged = context->bridge,
                .bpdu_guard = context->client->bpdu_guard,
                .anti_spoof = request->anti_spoof || (network && !request->has_anti_spoof),
                .isolated = request->isolated ||
                                (network && network->guests_isolated && !request->has_isolated),
        };

        port.sources = manager_sources_for(manager, port.anti_spoof, !request->has_guest_mac);
        return tap_port_for_request(&port, manager->capabilities.tap_filters);
}

static TapPlan make_plan(
                Manager *manager, const CreateContext *context, TapPort port, const Tag *tag) {
        const TapRequest *request = context->request;
        TapPlan plan = {
                .device = {
                        .vnet_hdr = request->vnet_hdr,
                        .multiqueue = request->multiqueue,
                        .vnet_hdr_size = request->vnet_hdr_size,
                        .race_lost = context->race_lost,
                },
                .tag = *tag,
                .queues = tap_request_outlives_queues(request) ? 1 : request->queues,
                .offloads = request->offloads,
                .mtu = request->has_mtu ? request->mtu : context->bridge ? context->bridge->mtu : 0,
                .bridge = context->bridge,
                .pin_mac = context->bridge && !context->network &&
                                manager_should_pin_mac(manager, context->bridge),
                .port = port,
                .add_fdb_entry = port.port.locked,
                .replace_learnt = context->learnt,
        };

        ifname_of_nonce(tag->nonce, plan.device.name);
        return plan;
}

/* Removes the device by closing its queues, and by deleting it: somebody may have opened one before
 * it had its owner. The record waits until the kernel says that it is gone. */
static void abort_creation(Manager *manager, Endpoint *endpoint, int ifindex, FdSet *queues) {
        uint32_t nonce = endpoint->tag.nonce;

        /* Even if no queue is open: a persistent tap lives without any, and somebody may have
         * opened a queue of a device that we made and then did not use. */
        if (deletion_submit(manager->workers, ifindex, nonce, NULL, NULL) < 0)
                log_warning("Out of memory: " IFNAME_PREFIX "%08x may be left behind", nonce);
        charge_done(&endpoint->charge);
        charge_done(&endpoint->port);
        (void)endpoint_set_state(endpoint, ENDPOINT_ABORTED);
        endpoint->now.ifindex = ifindex;
        /* Out of memory for that, it might be shown for a moment, until the kernel has said that it
         * is gone. */
        if (ifindex == 0 || registry_add(&manager->registry, endpoint) < 0) {
                Network *network = endpoint->network;

                endpoint_free(endpoint);
                networks_left(manager->networks, network);
        }
        workers_close(manager->workers, queues);
}

static int try_create(Manager *manager, const CreateContext *context, FdSet *ret_queues,
                Endpoint **ret, Failure *failure) {
        _cleanup_(endpoint_freep) Endpoint *endpoint = NULL;
        const TapPort port = make_port(manager, context);
        FdSet queues = FDSET_INIT;
        LinkInfo link;
        TapPlan plan;
        int ifindex, r;
        Tag tag;

        r = make_tag(manager, context, &port.port, &tag, failure);
        if (r < 0)
                return r;
        endpoint = endpoint_new(&tag, context->client->connection);
        if (!endpoint)
                return -ENOMEM;
        endpoint->may_return = context->request->has_guest_mac || *tag.label;
        r = quota_charge(manager->quota, context->client->uid, 1, context->request->queues,
                        &endpoint->charge);
        if (r >= 0 && context->network)
                r = manager_join_network(context->network, endpoint);
        if (r < 0)
                return r;

        plan = make_plan(manager, context, port, &tag);
        r = tap_setup(manager->netlink, &plan, &queues, &ifindex, &link, failure);
        if (r >= 0) {
                endpoint_follow(endpoint, &link);
                endpoint->offloads = offload_for_header(
                                manager->capabilities.offloads.mask, tag.vnet_hdr_size);
                r = registry_add(&manager->registry, endpoint);
        }
        if (r == -EEXIST && ifindex == 0) /* somebody else has a device of that name */
                return r;
        if (r < 0) {
                abort_creation(manager, TAKE_PTR(endpoint), ifindex, &queues);
                return r;
        }
        /* A persistent tap is handed over idle: whoever opens it next, by name or by OpenQueues,
         * gets its first queue. Closing it is quick. */
        if (tap_request_outlives_queues(context->request))
                fdset_done(&queues);
        *ret_queues = queues;
        *ret = TAKE_PTR(endpoint);
        return 0;
}

static bool another_attempt_helps(const CreateContext *context, int r) {
        return r == -EEXIST || r == -EAGAIN ||
                        (r == -EADDRINUSE && !context->request->has_guest_mac);
}

/* A foreign port that joined the network after the check makes it count as a bridge of the host,
 * which polkit was not asked about. If all events were read, they tell; otherwise the kernel is
 * asked again. */
static bool has_become_shared(Manager *manager, const CreateContext *context, bool all_read) {
        BridgePorts ports;

        if (!context->network || context->shared)
                return false;
        if (all_read)
                return network_ports(context->network).foreign > 0;
        (void)manager_look_at_ports(manager, context->network->ifindex, &ports);
        return ports.foreign > 0;
}

static int enter_bridge(Manager *manager, const CreateContext *context, Endpoint *endpoint) {
        int r = manager_enter_bridge(
                        manager, endpoint, context->bridge->name, context->bridge->ifindex);

        if (r >= 0 && endpoint->bridge->mtu == 0)
                endpoint->bridge->mtu = context->bridge->mtu;
        return r;
}

/* The setup caused events. They are read now, while they are known to be no news: read after the
 * announcement, each would take the record back to an outdated state. */
static int publish(Manager *manager, const CreateContext *context, uint32_t nonce, FdSet *queues,
                Endpoint **ret, Failure *failure) {
        const bool all_read = link_monitor_catch_up(manager->monitor);
        Endpoint *endpoint = registry_by_nonce(&manager->registry, nonce);

        if (!endpoint) {
                workers_close(manager->workers, queues);
                return failure_set(failure, FAILURE_KERNEL, ENODEV,
                                "Somebody deleted the tap while it was being made. Try again.");
        }
        if (context->network && network_is_ending(context->network)) {
                registry_remove(&manager->registry, endpoint);
                abort_creation(manager, endpoint, endpoint->now.ifindex, queues);
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "The network \"%s\" was deleted meanwhile. Ask again.",
                                context->network->tag.plan.name);
        }
        if (has_become_shared(manager, context, all_read)) {
                registry_remove(&manager->registry, endpoint);
                abort_creation(manager, endpoint, endpoint->now.ifindex, queues);
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "A port that vnicd does not manage joined the network \"%s\" "
                                "meanwhile. Ask again.",
                                context->network->tag.plan.name);
        }
        if (context->bridge && !context->network && enter_bridge(manager, context, endpoint) < 0) {
                registry_remove(&manager->registry, endpoint);
                abort_creation(manager, endpoint, endpoint->now.ifindex, queues);
                return -ENOMEM;
        }
        (void)endpoint_set_state(endpoint, ENDPOINT_LIVE);
        (void)endpoint_review(endpoint);
        /* Changes made by others during the setup were followed, but not compared. */
        manager_check(manager, endpoint);
        manager_begin_lease(manager, endpoint);
        address_watch_place(manager->addresses, endpoint);
        offload_watch_begin_new(&endpoint->offload_state, endpoint->now.ifindex,
                        context->request->offloads);
        *ret = endpoint;
        return 0;
}

void manager_announce(Manager *manager, const Endpoint *endpoint) {
        if (manager->observer)
                manager->observer->appeared(endpoint, manager->userdata);
}

static int make_tap(Manager *manager, CreateContext *context, FdSet *ret_queues, Endpoint **ret,
                Failure *failure) {
        Endpoint *endpoint = NULL;
        FdSet queues = FDSET_INIT;
        int r = -EAGAIN;

        for (unsigned i = 0; i < ATTEMPTS && another_attempt_helps(context, r); i++) {
                context->race_lost = i > 0 && r == -EAGAIN;
                r = try_create(manager, context, &queues, &endpoint, failure);
        }
        if (r >= 0)
                r = publish(manager, context, endpoint->tag.nonce, &queues, ret, failure);
        if (r >= 0)
                *ret_queues = queues;
        return r;
}

/* Brings the network up first, if need be. */
static int enter_placement(Manager *manager, const Placement *place, LinkInfo *bridge,
                Network **ret, Failure *failure) {
        int r;

        *ret = place->network;
        *bridge = place->bridge;
        if (!place->plan || place->network)
                return 0;
        r = networks_create(manager->networks, place->plan, false, ret, failure);
        return r < 0 ? r : link_get(manager->netlink, (*ret)->ifindex, bridge, failure);
}

int manager_create_tap(Manager *manager, const TapRequest *request, const Client *client,
                const Placement *place, FdSet *ret_queues, Endpoint **ret, Failure *failure) {
        Failure last = FAILURE_INIT; /* of one attempt: the next one may succeed */
        CreateContext context = {
                .request = request,
                .client = client,
                .shared = place->shared,
                .learnt = place->learnt.kind != FAILURE_NONE,
        };
        LinkInfo bridge;
        int r;

        r = quota_count_creation(manager->quota, client->uid, &client->limits);
        if (r >= 0)
                r = enter_placement(manager, place, &bridge, &context.network, &last);
        if (r >= 0) {
                context.bridge = request->where == TAP_ON_NOTHING ? NULL : &bridge;
                r = make_tap(manager, &context, ret_queues, ret, &last);
        }
        if (r < 0 && failure)
                *failure = last;
        return r;
}
