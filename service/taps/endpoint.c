/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/log.h"
#include "networks/group.h"

DEFINE_CLEANUP(Endpoint, endpoint_free)

static bool is_guarded(int master, const LinkPort *port) {
        return master > 0 && port->locked && !port->learning;
}

static bool is_forwarding(const LinkInfo *link) {
        return link->is_bridge_port ? link_port_forwards(&link->port) : !group_is_held(link->group);
}

/* The port is in this state although it is up and somebody has it open, so only the bridge can be
 * the reason. */
static bool is_held_back(const LinkInfo *link, LinkPortState state) {
        return link->is_bridge_port && link->flags & IFF_UP && link->flags & IFF_RUNNING &&
                        link->port.state == state;
}

int endpoint_bridge(const Endpoint *endpoint) {
        return endpoint->network           ? endpoint->network->ifindex
                        : endpoint->bridge ? endpoint->bridge->ifindex
                                           : 0;
}

static bool is_misplaced(const Endpoint *endpoint) {
        const int bridge = endpoint_bridge(endpoint);

        return endpoint->now.master != bridge || (*endpoint->tag.bridge && bridge == 0);
}

/* The bridge takes frames of its own MTU at all other ports. */
static bool has_other_mtu(const Endpoint *endpoint) {
        const HostBridge *bridge = endpoint->bridge;

        return bridge && bridge->mtu > 0 && bridge->ifindex == endpoint->now.master &&
                        endpoint->now.mtu != bridge->mtu;
}

static unsigned find_warnings(const Endpoint *endpoint) {
        const unsigned filters = 1 << ENDPOINT_FACT_PORT | 1 << ENDPOINT_FACT_GROUP;
        const LinkInfo *now = &endpoint->now;
        const Tag *tag = &endpoint->tag;
        const uid_t owner = tag->persistent ? tag->uid : 0;
        char name[IFNAMSIZ];
        const struct {
                bool is_so;
                EndpointWarning warning;
        } all[] = {
                { strcmp(now->name, ifname_of_nonce(tag->nonce, name)) != 0,
                                ENDPOINT_WARNING_RENAMED },
                { is_misplaced(endpoint), ENDPOINT_WARNING_BRIDGE },
                { has_other_mtu(endpoint), ENDPOINT_WARNING_MTU },
                { now->is_bridge_port && tag->anti_spoof && !is_guarded(now->master, &now->port),
                                ENDPOINT_WARNING_ANTI_SPOOF },
                { now->is_bridge_port && tag->isolated && !now->port.isolated,
                                ENDPOINT_WARNING_ISOLATED },
                { endpoint->left & filters, ENDPOINT_WARNING_FILTERS },
                { !(now->flags & IFF_UP), ENDPOINT_WARNING_DOWN },
                { !tag->persistent && now->tun.persistent, ENDPOINT_WARNING_PERSISTENCE },
                { !now->tun.owned || now->tun.owner != owner, ENDPOINT_WARNING_OWNER },
                { tag->vnet_hdr_size > 0 && !now->tun.vnet_hdr, ENDPOINT_WARNING_HEADER },
                { tag->persistent && !now->tun.persistent, ENDPOINT_WARNING_END },
                { endpoint->muted, ENDPOINT_WARNING_VLAN },
                { is_held_back(now, LINK_PORT_LISTENING) || is_held_back(now, LINK_PORT_LEARNING),
                                ENDPOINT_WARNING_LISTENING },
                { is_held_back(now, LINK_PORT_BLOCKING), ENDPOINT_WARNING_BLOCKED },
                { now->port.bpdu_guard && is_held_back(now, LINK_PORT_DISABLED),
                                ENDPOINT_WARNING_GUARD },
                { is_guarded(now->master, &now->port) &&
                                                group_sources(now->group) == TAP_SOURCES_UNTOLD,
                                ENDPOINT_WARNING_SOURCES },
        };
        unsigned warnings = 0;

        for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
                if (all[i].is_so)
                        warnings |= all[i].warning;
        return warnings;
}

Endpoint *endpoint_new(const Tag *tag, const char *creator) {
        _cleanup_(endpoint_freep) Endpoint *endpoint = calloc(1, sizeof(Endpoint));

        if (!endpoint)
                return NULL;
        list_init(&endpoint->link);
        list_init(&endpoint->waiters);
        list_init(&endpoint->changed);
        list_init(&endpoint->deletion_retry);
        endpoint->on_network.mac = &endpoint->tag.guest_mac;
        endpoint->on_network.master = &endpoint->now.master;
        list_init(&endpoint->on_network.link);
        list_init(&endpoint->on_bridge);
        list_init(&endpoint->check.link);
        endpoint->tag = *tag;
        if (creator) {
                endpoint->creator = strdup(creator);
                if (!endpoint->creator)
                        return NULL;
        }
        return TAKE_PTR(endpoint);
}

Endpoint *endpoint_free(Endpoint *endpoint) {
        if (!endpoint)
                return NULL;
        list_unlink(&endpoint->link);
        list_unlink(&endpoint->changed);
        list_unlink(&endpoint->deletion_retry);
        list_unlink(&endpoint->on_network.link);
        reconciler_forget(&endpoint->check);
        free(endpoint->limits);
        address_holder_done(&endpoint->addresses);
        list_unlink(&endpoint->on_bridge);
        offload_watch_end(&endpoint->offload_state);
        charge_done(&endpoint->port);
        charge_done(&endpoint->charge);
        free(endpoint->creator);
        free(endpoint);
        return NULL;
}

bool endpoint_may_restore(Endpoint *endpoint, EndpointFact fact, uint64_t now_usec) {
        if (!endpoint->limits)
                endpoint->limits = calloc(ENDPOINT_FACT_MAX, sizeof(*endpoint->limits));
        return !endpoint->limits || restore_limit_take(&endpoint->limits[fact], now_usec);
}

uint64_t endpoint_restores_next(const Endpoint *endpoint, EndpointFact fact) {
        return endpoint->limits ? restore_limit_next(&endpoint->limits[fact]) : 0;
}

bool endpoint_review(Endpoint *endpoint) {
        const unsigned before = endpoint->warnings;

        /* The kernel says so once more before it deletes a tap whose queues were closed. Nobody
         * took that one down. */
        if (endpoint->now.tun.closed)
                return false;
        endpoint->warnings = find_warnings(endpoint);
        return endpoint->warnings != before;
}

int endpoint_set_state(Endpoint *endpoint, EndpointState state) {
        static const unsigned successors[ENDPOINT_STATE_MAX] = {
                [ENDPOINT_CREATING] = 1U << ENDPOINT_LIVE | 1U << ENDPOINT_ABORTED,
                [ENDPOINT_LIVE] = 1U << ENDPOINT_DELETING,
                [ENDPOINT_DELETING] = 1U << ENDPOINT_LIVE,
        };

        if (!(successors[endpoint->state] & 1U << state)) {
                log_error("%s cannot go from state %u to %u; this is a bug", endpoint->now.name,
                                endpoint->state, state);
                return -EINVAL;
        }
        endpoint->state = state;
        return 0;
}

bool endpoint_is_published(const Endpoint *endpoint) {
        return endpoint->state == ENDPOINT_LIVE || endpoint->state == ENDPOINT_DELETING;
}

bool endpoint_is_persistent(const Endpoint *endpoint) {
        return endpoint->tag.persistent && endpoint->now.tun.persistent;
}

uint32_t endpoint_offloads(const Endpoint *endpoint) {
        return endpoint->now.tun.vnet_hdr ? endpoint->offloads : 0;
}

bool endpoint_is_active(const Endpoint *endpoint) {
        return endpoint->now.tun.queues > 0;
}

bool endpoint_has_anti_spoof(const Endpoint *endpoint) {
        return is_guarded(endpoint->now.master, &endpoint->now.port);
}

bool endpoint_is_forwarding(const Endpoint *endpoint) {
        return is_forwarding(&endpoint->now);
}

static bool ports_equal(const LinkPort *a, const LinkPort *b) {
        return a->isolated == b->isolated && a->locked == b->locked && a->learning == b->learning;
}

/* All that were given count, open or not: a holder can make themselves the owner and open by name
 * what they had closed, and the owner of a persistent tap opens its queues whenever they like. */
static unsigned queues_to_charge(const Endpoint *endpoint) {
        unsigned queues = link_tun_queues(&endpoint->now.tun);

        return queues < endpoint->tag.queues ? endpoint->tag.queues : queues;
}

unsigned endpoint_follow(Endpoint *endpoint, const LinkInfo *link) {
        const LinkInfo before = endpoint->now;
        unsigned changes = 0;

        endpoint->now = *link;
        charge_set_queues(&endpoint->charge, queues_to_charge(endpoint));
        if (endpoint_review(endpoint))
                changes |= ENDPOINT_CHANGED_WARNINGS;
        /* With its port the bridge forgets static entries and VLANs. A new tap's own way onto the
         * bridge is no reason to look. */
        if (before.master != link->master) {
                endpoint->check_fdb_entry |= endpoint->state != ENDPOINT_CREATING;
                endpoint->vlans = 0;
                endpoint->was_on = before.master;
        }

        if (strcmp(before.name, link->name) != 0)
                changes |= ENDPOINT_CHANGED_NAME;
        if (before.master != link->master)
                changes |= ENDPOINT_CHANGED_BRIDGE;
        if (!mac_equal(&before.mac, &link->mac))
                changes |= ENDPOINT_CHANGED_MAC;
        if (before.mtu != link->mtu)
                changes |= ENDPOINT_CHANGED_MTU;
        if (!ports_equal(&before.port, &link->port) || before.master != link->master)
                changes |= ENDPOINT_CHANGED_PORT;
        if (is_forwarding(&before) != is_forwarding(link))
                changes |= ENDPOINT_CHANGED_FORWARDING;
        if ((before.tun.queues > 0) != (link->tun.queues > 0))
                changes |= ENDPOINT_CHANGED_STATE;
        if (before.tun.queues != link->tun.queues)
                changes |= ENDPOINT_CHANGED_QUEUES;
        if (before.tun.queues_disabled != link->tun.queues_disabled)
                changes |= ENDPOINT_CHANGED_QUEUES_DISABLED;
        if (before.tun.vnet_hdr != link->tun.vnet_hdr)
                changes |= ENDPOINT_CHANGED_HEADER;
        if (before.tun.persistent != link->tun.persistent)
                changes |= ENDPOINT_CHANGED_PERSISTENT;
        return changes;
}

void endpoint_add_waiter(Endpoint *endpoint, RemovalWaiter *waiter) {
        list_append(&endpoint->waiters, &waiter->link);
}

void endpoint_notify_removed(Endpoint *endpoint, int error) {
        notify_removed(&endpoint->waiters, error);
}

LeaseGuest endpoint_guest(const Endpoint *endpoint) {
        return (LeaseGuest){
                .uid = endpoint->tag.uid,
                .mac = endpoint->tag.guest_mac,
                .mac_state = endpoint->tag.mac_state,
                .label = endpoint->tag.label,
        };
}
