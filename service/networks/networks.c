/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of networks: making and adopting them, counting who uses them, and deleting them. They
 * are removed in exactly one place: when the kernel says that their bridge is gone.
 */
#include "networks/networks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/filter.h"
#include "networks/firewall-watch.h"
#include "networks/network-checksums.h"
#include "networks/network-filter.h"
#include "networks/network-filters.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"
#include "networks/uplink-filter.h"

/* A network that is not used any more stays for a moment, since guests are restarted. */
#define IDLE_USEC (10 * 1000 * 1000)
/* A refused deletion is tried again after 1, 2, 4, … seconds, for a minute in all. */
#define AGAIN_USEC    (1000 * 1000)
#define DELETIONS_MAX 6
/* If nobody would ask for it again, one more attempt is made after each of these. */
#define MUCH_LATER_USEC (UINT64_C(600) * 1000 * 1000)

DEFINE_CLEANUP(Network, network_free)

static void tell_appeared(Networks *networks, Network *network) {
        if (networks->observer)
                networks->observer->appeared(network, networks->observer_data);
}

static void set_idle_timer(Network *network, uint64_t usec) {
        if (sd_event_source_set_time_relative(network->idle, usec) >= 0)
                (void)sd_event_source_set_enabled(network->idle, SD_EVENT_ONESHOT);
}

static void finish(Networks *networks, Network *network, int error);

/* Announces the network again; a client that wants it deleted has to ask again. Nobody would ask
 * for the end of one that is not kept, or was never complete; the latter is not announced. */
static void give_up(Networks *networks, Network *network) {
        log_error("The network %s stays: the deletion of its bridge was refused %u times",
                        network->tag.plan.name, network->refusals);
        if (!network->was_live || !network->tag.kept)
                set_idle_timer(network, MUCH_LATER_USEC);
        if (!network->was_live)
                return;
        (void)network_set_state(network, NETWORK_LIVE);
        network->refusals = 0;
        networks_check_checksums(networks);
        networks_update_uplinks(networks);
        tell_appeared(networks, network);
}

/* The pause doubles, but not for ever: what the kernel refuses for a minute it will mostly refuse
 * for good. */
static void try_again(Networks *networks, Network *network) {
        const unsigned n = network->refusals++;

        if (n < DELETIONS_MAX)
                set_idle_timer(network, (uint64_t)AGAIN_USEC << n);
        else
                give_up(networks, network);
}

/* An administrator has taken the bridge over: it stays, and our filters for it are removed. */
static void let_go(Networks *networks, Network *network) {
        log_error("The bridge of the network %s is not vnicd's any more: somebody changed its kind or its group. It stays, and the network is gone.",
                        network->tag.plan.name);
        finish(networks, network, -ESTALE);
}

static void on_deleted(void *userdata, int ifindex, int error) {
        Networks *networks = userdata;
        Network *network = networks_at(networks, ifindex);

        if (!network || network->state != NETWORK_DELETING || error >= 0)
                return;
        (void)network_set_state(network, NETWORK_DRAINING);
        if (error == -ENODEV) {
                finish(networks, network, 0);
                return;
        }
        if (error == -ESTALE) {
                let_go(networks, network);
                return;
        }
        log_error("Cannot delete the network %s: %s", network->tag.plan.name, strerror(-error));
        notify_removed(&network->waiters, error);
        try_again(networks, network);
}

/* Forgets the network. error: what its waiters are told. */
static void finish(Networks *networks, Network *network, int error) {
        Failure failure = FAILURE_INIT;

        if (network_remove_filters(network->tag.plan.name, &failure) < 0)
                log_warning("The filters of the network %s stay: %s", network->tag.plan.name,
                                failure.text);
        list_unlink(&network->link);
        networks_check_checksums(networks);
        networks_update_uplinks(networks);
        networks_forget_filters_of(network, 0);
        notify_removed(&network->waiters, error);
        network_free(network);
}

/* Takes the next step towards its end. The bridge is deleted after the endpoints: the host's own
 * stack would get the frames of a tap that loses its bridge. */
static void advance(Network *network) {
        Networks *networks = network->owner;

        if (!list_is_empty(&network->endpoints))
                return;
        if (network->state == NETWORK_GONE) {
                finish(networks, network, 0);
                return;
        }
        /* While the service stops there are no threads any more; the next start deletes it. */
        if (network->state != NETWORK_DRAINING || networks->stopping)
                return;
        if (network_delete_bridge(network, networks_is_last_on_device(networks, network),
                            networks->workers, on_deleted, networks) >= 0)
                (void)network_set_state(network, NETWORK_DELETING);
        else
                set_idle_timer(network, AGAIN_USEC);
}

static void begin_end(Networks *networks, Network *network, NetworkState state) {
        const bool is_shown = networks->observer && network->state == NETWORK_LIVE;

        (void)network_set_state(network, state);
        if (is_shown)
                networks->observer->leaving(network, networks->observer_data);
        networks_update_uplinks(networks);
        networks->owner->evict(network, networks->owner_data);
        advance(network);
}

static void evict(Networks *networks, Network *network) {
        if (!network_is_ending(network))
                begin_end(networks, network, NETWORK_DRAINING);
}

/* A foreign port counts as use, and so does a failure to look: without the bridge an
 * administrator's port would be useless. */
static bool is_used(const Network *network) {
        const Networks *networks = network->owner;

        return !list_is_empty(&network->endpoints) ||
                        networks->owner->has_ports(network, networks->owner_data);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        Network *network = userdata;

        if (network_is_ending(network))
                advance(network);
        else if (!network->tag.kept && !is_used(network))
                evict(network->owner, network);
        return 0;
}

static int enlist(Networks *networks, Network *network) {
        int r;

        network->owner = networks;
        networks_guard_filters_of(network);
        r = sd_event_add_time_relative(networks->event, &network->idle, CLOCK_MONOTONIC, IDLE_USEC,
                        0, on_idle, network);
        if (r >= 0)
                r = sd_event_source_set_enabled(network->idle, SD_EVENT_OFF);
        if (r >= 0)
                list_append(&networks->list, &network->link);
        return r;
}

int networks_check_name(Networks *networks, const char *name, Failure *failure) {
        const bool ours = networks_find(networks, name);
        LinkInfo link;

        if (networks->owner->is_awaited(name, networks->owner_data))
                return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                                "There are endpoints that wait for the bridge \"%s\" of this host, which was deleted. Choose another name, or release them.",
                                name);
        if (!ours && link_get_by_name(networks->netlink, name, &link, NULL) < 0)
                return 0;
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "There is %s \"%s\" on this host already. Choose another name, or %s.",
                        ours ? "a network" : "an interface", name,
                        ours ? "delete it first" : "rename it");
}

/* The filters of the network are in force, maybe without the rules that report sources, if the
 * kernel refused them. */
static void check_sources(Networks *networks, const Network *network) {
        if (!network->tag.plan.tells_sources)
                networks->owner->sources_untold(networks->owner_data);
}

int networks_create(Networks *networks, const NetworkPlan *plan, bool kept, Network **ret,
                Failure *failure) {
        NetworkTag tag = { .plan = *plan, .kept = kept };
        _cleanup_(network_freep) Network *network = NULL;
        int r;

        r = networks_check_name(networks, plan->name, failure);
        if (r >= 0)
                r = networks_open_uplinks(networks);
        if (r < 0)
                return r;
        tag.plan.tells_sources = networks->tells_sources;
        tag.guard_v6 = plan->kind == NETWORK_NAT &&
                        uplinks_should_guard_v6(networks->netlink, &networks->list);
        r = network_new(&network, &tag);
        if (r >= 0)
                r = enlist(networks, network);
        if (r < 0)
                return r;
        r = network_setup(network, networks->netlink, failure);
        if (network->ifindex == 0)
                return r;
        ifindex_map_add(&networks->by_bridge, &network->bridge, network->ifindex);
        *ret = network;
        (void)TAKE_PTR(network);
        if (r < 0) {
                evict(networks, *ret);
                return r;
        }
        networks_update_uplinks(networks);
        networks_check_firewalls(networks);
        check_sources(networks, *ret);
        (void)network_set_state(*ret, NETWORK_LIVE);
        if (!kept)
                set_idle_timer(*ret, IDLE_USEC);
        tell_appeared(networks, *ret);
        return 0;
}

void networks_delete(Networks *networks, Network *network, RemovalWaiter *waiter) {
        if (waiter)
                list_append(&network->waiters, &waiter->link);
        evict(networks, network);
}

int network_join(Network *network, NetworkPort *port, uid_t uid, Charge *charge) {
        int r = quota_charge(network->ports_of_users, uid, 1, 0, charge);

        if (r < 0)
                return r;
        list_append(&network->endpoints, &port->link);
        (void)sd_event_source_set_enabled(network->idle, SD_EVENT_OFF);
        return 0;
}

void networks_left(Networks *networks, Network *network) {
        if (!network || !list_is_empty(&network->endpoints))
                return;
        if (network_is_ending(network))
                advance(network);
        else if (!network->tag.kept)
                set_idle_timer(network, IDLE_USEC);
}

static void on_bridge_gone(Networks *networks, Network *network) {
        if (!network_is_ending(network)) {
                begin_end(networks, network, NETWORK_GONE);
                return;
        }
        if (network->state != NETWORK_GONE) /* a resync may repeat it */
                (void)network_set_state(network, NETWORK_GONE);
        advance(network);
}

/* The event may be about an earlier link with the same number. */
static bool is_there(Networks *networks, int ifindex) {
        LinkInfo now;

        return link_get(networks->netlink, ifindex, &now, NULL) >= 0;
}

/* Warnings contain the name as well. */
static void see_name(Networks *networks, Network *network, const LinkInfo *link) {
        const bool renamed = *network->bridge_name && strcmp(network->bridge_name, link->name) != 0;

        strcpy(network->bridge_name, link->name);
        if (!renamed)
                return;
        networks->owner->renamed(link->ifindex, networks->owner_data);
        networks_tell_warned(networks, network);
}

/* The bridge is found by its number: an administrator can change its group. */
void networks_see_link(Networks *networks, const LinkInfo *link, LinkEvent event) {
        Network *network = networks_at(networks, link->ifindex);

        if (!network)
                return;
        if (event == LINK_IS)
                see_name(networks, network, link);
        if (event == LINK_GONE && !is_there(networks, link->ifindex))
                on_bridge_gone(networks, network);
        /* It may have lost its last foreign port. A timer that runs already is not put off by each
         * event. */
        else if (!network_is_ending(network) && !network->tag.kept &&
                        list_is_empty(&network->endpoints) &&
                        sd_event_source_get_enabled(network->idle, NULL) <= 0)
                set_idle_timer(network, IDLE_USEC);
}

static int take_bridge(const LinkInfo *link, void *userdata) {
        _cleanup_(network_freep) Network *network = NULL;
        NetworkTag tag = { .kept = false };
        Networks *networks = userdata;
        int r, found = network_tag_of_link(link, &tag);

        if (found == -ENOMSG || networks_of_bridge(networks, link))
                return 0;
        if (found == -EBADMSG)
                snprintf(tag.plan.name, sizeof(tag.plan.name), "%s", link->name);
        tag.plan.tells_sources = networks->tells_sources;
        r = network_new(&network, &tag);
        if (r < 0)
                return r;
        network->ifindex = link->ifindex;
        network->mac = link->mac;
        if (found >= 0)
                (void)network_set_state(network, NETWORK_LIVE);
        r = enlist(networks, network);
        if (r < 0)
                return r;
        ifindex_map_add(&networks->by_bridge, &network->bridge, network->ifindex);
        (void)TAKE_PTR(network);
        return 0;
}

static int find_networks(Networks *networks) {
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r)
                r = link_dump(networks->netlink, take_bridge, networks, NULL);
        return r;
}

/* No network has a name that ends like this. */
static bool is_of_taps(const char *name) {
        const size_t n = strlen(name);

        return n > 0 && name[n - 1] == '-' && strcmp(name, UPLINK_FILTER_NAME) != 0;
}

/* Removes filters of a network whose bridge is gone. Those of all taps are never orphaned. */
static int remove_if_orphaned(const char *table, void *userdata) {
        const size_t n = strlen(NETWORK_TABLE_PREFIX);
        Networks *networks = userdata;

        if (strncmp(table, NETWORK_TABLE_PREFIX, n) != 0 || networks_find(networks, table + n) ||
                        is_of_taps(table + n) ||
                        (strcmp(table + n, UPLINK_FILTER_NAME) == 0 &&
                                        !list_is_empty(&networks->list)))
                return 0;
        return network_remove_filters(table + n, NULL);
}

/* A network that cannot be completed stays as it is: it may have guests. */
static void complete(Networks *networks, Network *network) {
        Failure failure = FAILURE_INIT;
        int r = network_complete(network, networks->netlink, &failure);

        if (r < 0)
                log_error("The network %s is not what it should be: %s", network->tag.plan.name,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        else
                check_sources(networks, network);
}

void networks_adopt(Networks *networks) {
        int r = find_networks(networks), left = 0;

        if (r >= 0)
                r = networks_open_uplinks(networks);
        if (r >= 0)
                r = left = uplinks_find(networks->uplinks, networks->netlink);
        if (r < 0)
                log_warning("Cannot look for networks that were left: %s", strerror(-r));
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (network->state == NETWORK_LIVE)
                        complete(networks, network);
        }
        LIST_FOREACH_SAFE(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (network->state == NETWORK_CREATING)
                        evict(networks, network);
        }
        if (!list_is_empty(&networks->list) || left > 0)
                networks_update_uplinks(networks);
}

void networks_remove_orphaned_filters(Networks *networks) {
        Failure failure = FAILURE_INIT;
        int r = filter_each_table(remove_if_orphaned, networks, &failure);

        /* A kernel without nf_tables has no table that could be left. */
        if (r < 0 && (r != -EOPNOTSUPP || !list_is_empty(&networks->list)))
                log_warning("Cannot remove filters of networks that are gone: %s",
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
}

void networks_settle(Networks *networks) {
        LIST_FOREACH_SAFE(&networks->list, node)
                networks_left(networks, container_of(node, Network, link));
}

void networks_resync(Networks *networks) {
        LIST_FOREACH_SAFE(&networks->list, node) {
                Network *network = container_of(node, Network, link);
                LinkInfo now;

                if (link_get(networks->netlink, network->ifindex, &now, NULL) != -ENODEV)
                        continue;
                now = (LinkInfo){ .ifindex = network->ifindex };
                networks_see_link(networks, &now, LINK_GONE);
        }
}

int networks_new(Networks **ret, const NetworksParts *parts, const NetworksOwner *owner,
                void *userdata) {
        Networks *networks = calloc(1, sizeof(Networks));

        if (!networks)
                return -ENOMEM;
        *networks = (Networks){
                .netlink = parts->netlink,
                .workers = parts->workers,
                .reconciler = parts->reconciler,
                .event = sd_event_ref(parts->event),
                .owner = owner,
                .owner_data = userdata,
        };
        list_init(&networks->list);
        ifindex_map_init(&networks->by_bridge);
        ifindex_map_init(&networks->foreign_ports);
        networks_begin_filters(networks);
        *ret = networks;
        return 0;
}

void networks_set_netfilter(Networks *networks, Netlink *netfilter) {
        networks->netfilter = netfilter;
}

void networks_set_sources(Networks *networks, bool told) {
        networks->tells_sources = told;
}

void networks_observe(Networks *networks, const NetworksObserver *observer, void *userdata) {
        networks->observer = observer;
        networks->observer_data = userdata;
}

void networks_stop(Networks *networks) {
        if (networks)
                networks->stopping = true;
}

Networks *networks_free(Networks *networks) {
        if (!networks)
                return NULL;
        LIST_FOREACH_SAFE(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                networks_forget_filters_of(network, -ECANCELED);
                notify_removed(&network->waiters, -ECANCELED);
                network_free(network);
        }
        reconciler_forget(&networks->checksums);
        reconciler_forget(&networks->uplink_guard.reconcilable);
        networks_forget_firewalls(networks);
        uplinks_free(networks->uplinks);
        sd_event_unref(networks->event);
        free(networks);
        return NULL;
}
