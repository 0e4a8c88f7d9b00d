/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follows the kernel. Endpoints are removed in exactly one place: when the kernel reports that the
 * link is gone (RTM_DELLINK, or a dump without it), whoever deleted it and why.
 */
#include "taps/tracker.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "networks/firewall-watch.h"
#include "networks/network-checksums.h"
#include "networks/network-leases.h"
#include "networks/networks.h"
#include "taps/address-watch.h"
#include "taps/bridge-list.h"
#include "taps/bridge-ports.h"
#include "taps/host-bridges.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/reconcile-endpoint.h"
#include "taps/tamper-guard.h"

DEFINE_CLEANUP(Endpoint, endpoint_free)

static void forget(Manager *manager, Endpoint *endpoint) {
        Network *network = endpoint->network;
        const bool orphaned = endpoint->orphaned;

        /* Observers count the remaining ports. */
        list_unlink(&endpoint->on_network.link);
        if (endpoint_is_published(endpoint) && manager->observer &&
                        manager->state != MANAGER_STARTING)
                manager->observer->leaving(endpoint, manager->userdata);
        registry_remove(&manager->registry, endpoint);
        endpoint_notify_removed(endpoint, 0);
        if (network && endpoint->state != ENDPOINT_ABORTED) {
                const LeaseGuest guest = endpoint_guest(endpoint);

                networks_lease_ends(manager->networks, network, &guest, endpoint->may_return);
        }
        endpoint_free(endpoint);
        networks_left(manager->networks, network);
        if (orphaned && --manager->n_orphaned == 0)
                networks_remove_orphaned_filters(manager->networks);
}

/* The group identifies the network's bridge, whatever its present name; but somebody may have
 * changed the group. */
static Network *network_of(Manager *manager, const Endpoint *endpoint) {
        const Tag *tag = &endpoint->tag;
        Network *network = tag->is_older || tag->on_network
                        ? networks_of_group(manager->networks, endpoint->now.group)
                        : NULL;

        return network || !tag->on_network ? network
                                           : networks_find(manager->networks, tag->bridge);
}

/* A tap whose network is gone is orphaned: it belongs nowhere, and is deleted. */
static int adopt_into_place(Manager *manager, Endpoint *endpoint) {
        const Tag *tag = &endpoint->tag;
        Network *network = network_of(manager, endpoint);

        if (network && !network_is_ending(network))
                return manager_join_network(network, endpoint);
        if (tag->on_network || (tag->is_older && network_of_tap_group(endpoint->now.group) != 0)) {
                endpoint->orphaned = true;
                return manager_delete(manager, endpoint, ENDPOINT_END_NETWORK_DELETED);
        }
        return *tag->bridge ? manager_enter_bridge(manager, endpoint, tag->bridge, 0) : 0;
}

/* A link with our tag that is not known: we were restarted. Its creator is not known any more. */
static int adopt(Manager *manager, const LinkInfo *link, const Tag *tag) {
        _cleanup_(endpoint_freep) Endpoint *endpoint = NULL;
        int r;

        if (registry_by_nonce(&manager->registry, tag->nonce)) {
                log_warning("Left %s alone: it carries the tag of another interface", link->name);
                return 0;
        }
        endpoint = endpoint_new(tag, NULL);
        if (!endpoint)
                return -ENOMEM;
        r = quota_charge(manager->quota, tag->uid, 1, 0, &endpoint->charge);
        if (r < 0)
                return r;
        (void)endpoint_set_state(endpoint, ENDPOINT_LIVE);
        endpoint_follow(endpoint, link);
        r = adopt_into_place(manager, endpoint);
        if (r < 0)
                return r;
        endpoint->offloads =
                        offload_for_header(manager->capabilities.offloads.mask, tag->vnet_hdr_size);
        endpoint->may_return = true;
        endpoint->seen_in = manager->resyncs;
        offload_watch_begin(manager->offload_watch, &endpoint->offload_state, link->ifindex);
        r = registry_add(&manager->registry, endpoint);
        if (r < 0)
                return r;
        manager->n_orphaned += endpoint->orphaned;
        manager_begin_lease(manager, endpoint);
        address_watch_place(manager->addresses, endpoint);
        if (manager->observer && manager->state != MANAGER_STARTING)
                manager->observer->appeared(endpoint, manager->userdata);
        (void)TAKE_PTR(endpoint);
        return 0;
}

/* Takes over what the kernel says, after tampering has been undone. */
static void guard_and_follow(Manager *manager, Endpoint *endpoint, const LinkInfo *link) {
        LinkInfo now = *link;

        if (endpoint_is_published(endpoint))
                manager_guard(manager, endpoint, &now);
        manager_follow(manager, endpoint, &now);
        manager_check(manager, endpoint);
}

static bool needs_offloads_off(const LinkInfo *link) {
        return link_tun_queues(&link->tun) == 0 || !link->tun.vnet_hdr;
}

/* Offloads of a persistent tap that nobody has open, or that was opened without a header, are off:
 * what its last consumer left on would make the kernel hand out frames without checksums. */
static void guard_offloads(Manager *manager, Endpoint *endpoint) {
        Failure failure = FAILURE_INIT;
        LinkInfo now;
        int r;

        if (!endpoint->tag.persistent || endpoint->state != ENDPOINT_LIVE ||
                        !needs_offloads_off(&endpoint->now))
                return;
        /* Somebody may have opened it since: then the offloads are theirs. */
        if (link_get(manager->netlink, endpoint->now.ifindex, &now, NULL) < 0 ||
                        !needs_offloads_off(&now))
                return;
        r = offload_watch_turn_off(manager->offload_watch, &endpoint->offload_state, &failure);
        if (r < 0 && r != -ENODEV)
                log_warning("What the last consumer of %s left on stays on: %s", endpoint->now.name,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
}

/* Looks for what was done to it while nobody was watching. */
static void examine(Manager *manager, Endpoint *endpoint) {
        const LinkInfo now = endpoint->now;

        endpoint->check_fdb_entry = true;
        guard_and_follow(manager, endpoint, &now);
        manager_reconcile(manager, endpoint);
        if (endpoint->offload_state.active != 0)
                guard_offloads(manager, endpoint);
}

/* Reports once what a batch of events has changed: a holder can cause thousands a second. */
static void tell_changes(void *userdata) {
        static const unsigned of_queues = ENDPOINT_CHANGED_STATE | ENDPOINT_CHANGED_QUEUES |
                        ENDPOINT_CHANGED_QUEUES_DISABLED | ENDPOINT_CHANGED_HEADER;
        Manager *manager = userdata;

        if (manager->state != MANAGER_STOPPING)
                reconciler_run(manager->reconciler);
        host_bridges_sweep(&manager->bridges);
        manager_tell_restored(manager);
        networks_tell_ports(manager->networks);
        while (!list_is_empty(&manager->changed)) {
                Endpoint *endpoint = container_of(manager->changed.next, Endpoint, changed);
                unsigned changes = endpoint->changes;

                list_unlink(&endpoint->changed);
                endpoint->changes = 0;
                if (changes != 0 && manager->observer && manager->state != MANAGER_STARTING)
                        manager->observer->changed(endpoint, changes, manager->userdata);
                if (changes & of_queues)
                        guard_offloads(manager, endpoint);
                address_watch_place(manager->addresses, endpoint);
                /* An event that changes nothing else may be about the offloads. */
                offload_watch_look(manager->offload_watch, &endpoint->offload_state);
        }
}

void manager_mend_ports(Manager *manager) {
        LIST_FOREACH(&manager->registry.endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, link);

                if (endpoint_is_published(endpoint))
                        examine(manager, endpoint);
        }
        tell_changes(manager);
}

static bool has_its_tag(const Endpoint *endpoint, const LinkInfo *link) {
        Tag tag;

        return !endpoint_is_published(endpoint) ||
                        (tag_of_link(link, &tag) >= 0 && tags_are_of_one(&tag, &endpoint->tag));
}

/* Takes over what the link is now. It is ours by its tag, which only an administrator can remove:
 * without it, or with another one, it is not the endpoint any more, just as after a restart. Does
 * not ask the kernel: a dump may be under way. */
static int see_endpoint(Manager *manager, const LinkInfo *link) {
        Endpoint *endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
        Tag tag;

        if (endpoint && !has_its_tag(endpoint, link)) {
                log_warning("%s is not ours any more: somebody changed its alias", link->name);
                forget(manager, endpoint);
                endpoint = NULL;
        }
        if (!endpoint)
                return tag_of_link(link, &tag) < 0 ? 0 : adopt(manager, link, &tag);
        manager_follow(manager, endpoint, link);
        return 0;
}

static int see(const LinkInfo *link, void *userdata) {
        Manager *manager = userdata;
        int r = see_endpoint(manager, link);

        manager_see_port(manager, link);
        manager_see_listed(manager, link, LINK_IS);
        return r;
}

static void see_anew(Manager *manager, int ifindex) {
        Endpoint *endpoint;
        LinkInfo now;

        if (link_get(manager->netlink, ifindex, &now, NULL) < 0)
                return;
        if (see(&now, manager) < 0)
                log_error("Out of memory: %s is not shown until the next start", now.name);
        endpoint = registry_by_ifindex(&manager->registry, ifindex);
        if (endpoint)
                examine(manager, endpoint);
}

/* An event may be older than what we know already: a dump has shown that the link is gone, or has
 * its tag. So a link that is new to us, or not as it should be, is read anew. false: it was, and
 * the event is outdated. */
static bool see_event(Manager *manager, const LinkInfo *link) {
        Endpoint *endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
        Tag tag;

        if (endpoint && endpoint_is_published(endpoint))
                manager_count_event(manager, endpoint);
        if (endpoint && has_its_tag(endpoint, link))
                guard_and_follow(manager, endpoint, link);
        else if (endpoint || tag_of_link(link, &tag) >= 0) {
                see_anew(manager, link->ifindex);
                return false;
        }
        return true;
}

static void see_port(Manager *manager, const LinkInfo *link) {
        Endpoint *endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
        LinkInfo now;

        /* The link's own event does not tell: it is older than its bridge's notice that it is up. /
         */
        if (endpoint && endpoint->state == ENDPOINT_CREATING)
                endpoint->now.port.state = link->port.state;
        if (!endpoint || !endpoint_is_published(endpoint) ||
                        link_get(manager->netlink, link->ifindex, &now, NULL) < 0)
                return;
        manager_guard_vlans(manager, endpoint, link->vlans);
        guard_and_follow(manager, endpoint, &now);
}

static void on_event(const LinkInfo *link, LinkEvent event, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint;

        if (event == LINK_IS || event == LINK_GONE || event == LINK_ADDRESS)
                manager_see_listed(manager, link, event);
        if (event == LINK_IS || event == LINK_GONE) {
                networks_see_link(manager->networks, link, event);
                networks_see_checksum_device(manager->networks, link);
        }
        switch (event) {
        case LINK_IS:
                manager_see_host_bridge(manager, link, event);
                if (strcmp(link->kind, "bridge") == 0)
                        networks_see_bridge(manager->networks, link->ifindex);
                if (see_event(manager, link))
                        manager_see_port(manager, link);
                manager_see_port_of_bridge(manager, link);
                break;
        case LINK_PORT_IS_NEW:
                see_port(manager, link);
                break;
        case LINK_GONE:
                endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
                if (endpoint)
                        forget(manager, endpoint);
                networks_see_port(manager->networks, &(LinkInfo){ .ifindex = link->ifindex }, true);
                manager_forget_bridge(manager, link->ifindex);
                manager_see_host_bridge(manager, link, event);
                break;
        case LINK_FDB_GONE:
                endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
                if (endpoint && mac_equal(&link->mac, &endpoint->tag.guest_mac)) {
                        endpoint->check_fdb_entry = true;
                        manager_check(manager, endpoint);
                }
                break;
        case LINK_RULES_GONE:
                networks_see_rules_gone(manager->networks, link->ifindex);
                break;
        case LINK_ADDRESS:
        case LINK_EVENT_MAX:
                break;
        }
}

static int resync(void *userdata) {
        Manager *manager = userdata;
        int r = -EINTR;

        manager->resyncs++;
        /* A dump that was overtaken by changes is repeated; what it has shown was true
         * nevertheless. */
        UNTIL_DUMP_IS_WHOLE(r) {
                networks_forget_ports(manager->networks);
                r = link_dump(manager->netlink, see, manager, NULL);
        }
        if (r < 0)
                return r;
        manager_resync_bridges(manager);
        manager_sweep_listed(manager);
        LIST_FOREACH_SAFE(&manager->registry.endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, link);

                if (endpoint->seen_in != manager->resyncs)
                        forget(manager, endpoint);
                else
                        examine(manager, endpoint);
        }
        if (manager->state != MANAGER_STARTING) {
                networks_resync(manager->networks);
                manager_check_bridges(manager);
        }
        return 0;
}

const LinkFollower manager_link_follower = {
        .event = on_event,
        .resync = resync,
        .batch_end = tell_changes,
};
