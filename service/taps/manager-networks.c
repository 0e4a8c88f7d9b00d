/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The networks of a manager: which are up, who uses them, and when one has to go. There is one way
 * for a network to leave, as there is for an endpoint: the kernel says that its bridge is gone.
 */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "taps/manager-private.h"

/* A network that is not used any more stays for a moment: guests are restarted. */
#define IDLE_USEC (10 * 1000 * 1000)
/* A deletion that was refused is tried again after 1, 2, 4, … seconds, a minute in all. */
#define AGAIN_USEC    (1000 * 1000)
#define DELETIONS_MAX 6
/* Where nobody would ask for it, it is tried once more after each of these. */
#define MUCH_LATER_USEC (UINT64_C(600) * 1000 * 1000)

DEFINE_CLEANUP(Network, network_free)

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

static void tell_warnings_of(Manager *manager, Network *network) {
        if (network->warnings_changed == 0)
                return;
        log_warnings(network);
        network->warnings_changed = 0;
        if (network->born && !network->doomed && manager->observer && manager->started)
                manager->observer->network_warned(network, manager->userdata);
}

void manager_tell_warnings(Manager *manager) {
        LIST_FOREACH(&manager->networks, node)
                tell_warnings_of(manager, container_of(node, Network, link));
}

void manager_update_uplinks(Manager *manager) {
        Failure failure = FAILURE_INIT;
        int r;

        if (!manager->uplinks)
                return;
        r = uplinks_update(manager->uplinks, manager->netlink, &failure);
        manager_take_uplink_filter(manager);
        if (r < 0)
                log_warning("Cannot switch forwarding for the networks: %s",
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        manager_tell_warnings(manager);
}

void manager_warn_network(
                Manager *manager, Network *network, NetworkWarning warning, const char *sentence) {
        int r = network_warn(network, warning, sentence);

        if (r < 0)
                log_error("Out of memory: the network %s does not show a warning",
                                network->tag.plan.name);
        tell_warnings_of(manager, network);
}

static void on_uplinks_due(void *userdata) {
        manager_update_uplinks(userdata);
        manager_look_at_firewalls(userdata);
}

int manager_open_uplinks(Manager *manager) {
        return manager->uplinks ? 0
                                : uplinks_new(&manager->uplinks, manager->event, &manager->networks,
                                                  on_uplinks_due, manager);
}

static void set_idle_timer(Network *network, uint64_t usec) {
        if (sd_event_source_set_time_relative(network->idle, usec) >= 0)
                (void)sd_event_source_set_enabled(network->idle, SD_EVENT_ONESHOT);
}

static void finish(Manager *manager, Network *network, int error);

/* The network is announced again; a client that wants it deleted has to ask again. Nobody asks for
 * the end of one that is not kept, or was never complete; the latter is not announced. */
static void give_up(Manager *manager, Network *network) {
        log_error("The network %s stays: the deletion of its bridge was refused %u times",
                        network->tag.plan.name, network->refusals);
        if (!network->born || !network->tag.kept)
                set_idle_timer(network, MUCH_LATER_USEC);
        if (!network->born)
                return;
        network->doomed = false;
        network->refusals = 0;
        manager_look_at_checksums(manager);
        manager_update_uplinks(manager);
        if (manager->observer)
                manager->observer->network_appeared(network, manager->userdata);
}

/* The pause doubles, and there is an end to it: what the kernel refuses for a minute it will mostly
 * refuse for good. */
static void try_again(Manager *manager, Network *network) {
        const unsigned n = network->refusals++;

        if (n < DELETIONS_MAX)
                set_idle_timer(network, (uint64_t)AGAIN_USEC << n);
        else
                give_up(manager, network);
}

/* An administrator has taken the bridge over. It stays; our filters for it are removed. */
static void let_go(Manager *manager, Network *network) {
        log_error("The bridge of the network %s is not vnicd's any more: somebody changed its kind or its group. It stays, and the network is gone.",
                        network->tag.plan.name);
        finish(manager, network, -ESTALE);
}

static void on_deleted(void *userdata, int ifindex, int error) {
        Manager *manager = userdata;
        Network *network = NULL;

        LIST_FOREACH(&manager->networks, node)
                if (container_of(node, Network, link)->ifindex == ifindex &&
                                container_of(node, Network, link)->deleting)
                        network = container_of(node, Network, link);
        if (!network || error >= 0)
                return;
        network->deleting = false;
        if (error == -ENODEV) {
                finish(manager, network, 0);
                return;
        }
        if (error == -ESTALE) {
                let_go(manager, network);
                return;
        }
        log_error("Cannot delete the network %s: %s", network->tag.plan.name, strerror(-error));
        gone_tell(&network->watches, error);
        try_again(manager, network);
}

/* error: what its watches are told. */
static void finish(Manager *manager, Network *network, int error) {
        Failure failure = FAILURE_INIT;

        if (network_remove_filters(network->tag.plan.name, &failure) < 0)
                log_warning("The filters of the network %s stay: %s", network->tag.plan.name,
                                failure.text);
        list_unlink(&network->link);
        manager_look_at_checksums(manager);
        manager_update_uplinks(manager);
        manager_forget_filters_of(network, 0);
        gone_tell(&network->watches, error);
        network_free(network);
}

/* One step further on its way out. Its bridge goes after its endpoints: a tap that loses its bridge
 * would have its frames in the host's own stack. */
static void advance(Network *network) {
        Manager *manager = network->owner;

        if (!network->doomed || !list_is_empty(&network->endpoints))
                return;
        if (network->bridge_gone) {
                finish(manager, network, 0);
                return;
        }
        /* While the service stops there are no threads any more; the next start sees to it. */
        if (network->deleting || manager->stopping)
                return;
        network->takes_device = manager_is_last_on_device(manager, network);
        network->deleting =
                        network_delete_bridge(network, manager->closer, on_deleted, manager) >= 0;
        if (!network->deleting)
                set_idle_timer(network, AGAIN_USEC);
}

void manager_doom_network(Manager *manager, Network *network) {
        if (network->doomed)
                return;
        network->doomed = true;
        if (network->born && manager->observer)
                manager->observer->network_leaving(network, manager->userdata);
        manager_update_uplinks(manager);
        LIST_FOREACH_SAFE(&network->endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, on_network);

                if (!endpoint->dying &&
                                manager_delete(manager, endpoint, ENDPOINT_END_NETWORK_DELETED) < 0)
                        log_error("Out of memory: %s stays", endpoint->now.name);
        }
        advance(network);
}

/* A port of others counts as use, and so does what cannot be looked at: with the bridge an
 * administrator's port would lose what it is for. Asked by ifindex: the name may be another
 * bridge's by now. */
static bool is_used(const Network *network) {
        BridgePorts ports;

        if (!list_is_empty(&network->endpoints))
                return true;
        (void)manager_look_at_ports(network->owner, network->ifindex, &ports);
        return ports.all > 0;
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        Network *network = userdata;

        if (network->doomed)
                advance(network);
        else if (!network->tag.kept && !is_used(network))
                manager_doom_network(network->owner, network);
        return 0;
}

int manager_enlist_network(Manager *manager, Network *network) {
        int r;

        network->owner = manager;
        manager_guard_filters_of(network);
        r = sd_event_add_time_relative(manager->event, &network->idle, CLOCK_MONOTONIC, IDLE_USEC,
                        0, on_idle, network);
        if (r >= 0)
                r = sd_event_source_set_enabled(network->idle, SD_EVENT_OFF);
        if (r >= 0)
                list_append(&manager->networks, &network->link);
        return r;
}

int manager_check_network_name(Manager *manager, const char *name, Failure *failure) {
        const bool ours = manager_find_network(manager, name);
        LinkInfo link;

        if (manager_awaits_bridge(manager, name))
                return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                                "There are endpoints that wait for the bridge \"%s\" of this host, which was deleted. Choose another name, or release them.",
                                name);
        if (!ours && link_get_by_name(manager->netlink, name, &link, NULL) < 0)
                return 0;
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "There is %s \"%s\" on this host already. Choose another name, or %s.",
                        ours ? "a network" : "an interface", name,
                        ours ? "delete it first" : "rename it");
}

int manager_create_network(Manager *manager, const NetworkPlan *plan, bool kept, Network **ret,
                Failure *failure) {
        NetworkTag tag = { .plan = *plan, .kept = kept };
        _cleanup_(network_freep) Network *network = NULL;
        int r;

        r = manager_check_network_name(manager, plan->name, failure);
        if (r >= 0)
                r = manager_open_uplinks(manager);
        if (r < 0)
                return r;
        tag.plan.tells_sources = manager->facts.sources != SOURCES_UNSUPPORTED;
        tag.guard_v6 = plan->kind == NETWORK_NAT &&
                        uplinks_should_guard_v6(manager->netlink, &manager->networks);
        r = network_new(&network, &tag);
        if (r >= 0)
                r = manager_enlist_network(manager, network);
        if (r < 0)
                return r;
        r = network_birth(network, manager->netlink, failure);
        if (network->ifindex == 0)
                return r;
        *ret = network;
        (void)TAKE_PTR(network);
        if (r < 0) {
                manager_doom_network(manager, *ret);
                return r;
        }
        manager_update_uplinks(manager);
        manager_look_at_firewalls(manager);
        manager_check_sources(manager, *ret);
        (*ret)->born = true;
        if (!kept)
                set_idle_timer(*ret, IDLE_USEC);
        if (manager->observer)
                manager->observer->network_appeared(*ret, manager->userdata);
        return 0;
}

void manager_delete_network(Manager *manager, Network *network, GoneWatch *watch) {
        if (watch)
                list_append(&network->watches, &watch->link);
        manager_doom_network(manager, network);
}

Network *manager_find_network(Manager *manager, const char *name) {
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                if (strcmp(network->tag.plan.name, name) == 0)
                        return network;
        }
        return NULL;
}

Network *manager_next_network(Manager *manager, const Network *after) {
        const List *end = &manager->networks;
        List *node = after ? after->link.next : end->next;

        while (node != end && container_of(node, Network, link)->doomed)
                node = node->next;
        return node == end ? NULL : container_of(node, Network, link);
}

Network *manager_network_at(const Manager *manager, int ifindex) {
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                if (network->ifindex == ifindex)
                        return network;
        }
        return NULL;
}

Network *manager_network_of(Manager *manager, const LinkInfo *bridge) {
        return bridge->group == NETWORK_GROUP ? manager_network_at(manager, bridge->ifindex) : NULL;
}

Network *manager_network_of_group(Manager *manager, uint32_t group) {
        if (network_of_tap_group(group) == 0)
                return NULL;
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                if (group_is_of_network(group, network->ifindex))
                        return network;
        }
        return NULL;
}

int manager_join_network(Network *network, Endpoint *endpoint, uid_t uid) {
        int r = quota_charge(network->ports_of_users, uid, 1, 0, &endpoint->port);

        if (r < 0)
                return r;
        endpoint->network = network;
        list_append(&network->endpoints, &endpoint->on_network);
        (void)sd_event_source_set_enabled(network->idle, SD_EVENT_OFF);
        return 0;
}

void manager_left_network(Manager *manager, Network *network) {
        if (!network || !list_is_empty(&network->endpoints))
                return;
        if (network->doomed)
                advance(network);
        else if (!network->tag.kept)
                set_idle_timer(network, IDLE_USEC);
}

static void on_bridge_gone(Manager *manager, Network *network) {
        network->bridge_gone = true;
        if (network->doomed)
                advance(network);
        else
                manager_doom_network(manager, network);
}

/* The end may have been that of another link, which had the number before. */
static bool is_there(Manager *manager, int ifindex) {
        LinkInfo now;

        return link_get(manager->netlink, ifindex, &now, NULL) >= 0;
}

/* Warnings name it as well. */
static void see_name(Manager *manager, Network *network, const LinkInfo *link) {
        const bool renamed = *network->bridge_name && strcmp(network->bridge_name, link->name) != 0;

        strcpy(network->bridge_name, link->name);
        if (!renamed)
                return;
        manager_bridge_is_renamed(manager, link->ifindex);
        if (network->born && !network->doomed && manager->observer && manager->started)
                manager->observer->network_warned(network, manager->userdata);
}

/* By its number: an administrator can change its group. */
void manager_see_network(Manager *manager, const LinkInfo *link, LinkEvent event) {
        Network *network = manager_network_at(manager, link->ifindex);

        if (!network)
                return;
        if (event == LINK_IS)
                see_name(manager, network, link);
        if (event == LINK_GONE && !is_there(manager, link->ifindex))
                on_bridge_gone(manager, network);
        /* It may have lost the last port of others. What is awaited already is not put off by each
         * event. */
        else if (!network->doomed && !network->tag.kept && list_is_empty(&network->endpoints) &&
                        sd_event_source_get_enabled(network->idle, NULL) <= 0)
                set_idle_timer(network, IDLE_USEC);
}
