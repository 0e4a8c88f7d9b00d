/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What networks are there already when the service starts: what it had made, whole or half made,
 * before it was stopped or killed. It is taken up from the kernel alone, completed, or taken away.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/filter.h"
#include "networks/network-filter.h"
#include "networks/uplink-filter.h"
#include "taps/manager-private.h"

DEFINE_CLEANUP(Network, network_free)

static int take_bridge(const LinkInfo *link, void *userdata) {
        _cleanup_(network_freep) Network *network = NULL;
        NetworkTag tag = { .kept = false };
        Manager *manager = userdata;
        int r, found = network_tag_of_link(link, &tag);

        if (found == -ENOMSG || manager_network_of(manager, link))
                return 0;
        if (found == -EBADMSG)
                snprintf(tag.plan.name, sizeof(tag.plan.name), "%s", link->name);
        tag.plan.tells_sources = manager->facts.sources != SOURCES_UNSUPPORTED;
        r = network_new(&network, &tag);
        if (r < 0)
                return r;
        network->ifindex = link->ifindex;
        network->mac = link->mac;
        network->born = found >= 0;
        r = manager_enlist_network(manager, network);
        if (r >= 0)
                (void)TAKE_PTR(network);
        return r;
}

static int find_networks(Manager *manager) {
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r)
                r = link_dump(manager->netlink, take_bridge, manager, NULL);
        return r;
}

/* Filters of a network whose bridge is gone. Those of all taps are nobody's orphans. */
static int remove_orphan(const char *table, void *userdata) {
        const size_t n = strlen(NETWORK_TABLE_PREFIX);
        Manager *manager = userdata;

        if (strncmp(table, NETWORK_TABLE_PREFIX, n) != 0 ||
                        manager_find_network(manager, table + n) ||
                        strcmp(table + n, TAP_FILTER_NAME) == 0 ||
                        (strcmp(table + n, UPLINK_FILTER_NAME) == 0 &&
                                        !list_is_empty(&manager->networks)))
                return 0;
        return network_remove_filters(table + n, NULL);
}

/* A network that cannot be completed stays as it is: guests may be on it. */
static void complete(Manager *manager, Network *network) {
        Failure failure = FAILURE_INIT;
        int r = network_complete(network, manager->netlink, &failure);

        if (r < 0)
                log_error("The network %s is not what it should be: %s", network->tag.plan.name,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        else
                manager_check_sources(manager, network);
}

void manager_adopt_networks(Manager *manager) {
        int r = find_networks(manager), left = 0;

        if (r >= 0)
                r = manager_open_uplinks(manager);
        if (r >= 0)
                r = left = uplinks_find(manager->uplinks, manager->netlink);
        if (r < 0)
                log_warning("Cannot look for networks that were left: %s", strerror(-r));
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                if (network->born)
                        complete(manager, network);
        }
        LIST_FOREACH_SAFE(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                if (!network->born)
                        manager_doom_network(manager, network);
        }
        if (!list_is_empty(&manager->networks) || left > 0)
                manager_update_uplinks(manager);
}

void manager_remove_orphans(Manager *manager) {
        Failure failure = FAILURE_INIT;
        int r = filter_each_table(remove_orphan, manager, &failure);

        /* A kernel without nf_tables has no table that could be left. */
        if (r < 0 && (r != -EOPNOTSUPP || !list_is_empty(&manager->networks)))
                log_warning("Cannot remove filters of networks that are gone: %s",
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
}

void manager_settle_networks(Manager *manager) {
        if (manager->strays == 0)
                manager_remove_orphans(manager);
        LIST_FOREACH_SAFE(&manager->networks, node)
                manager_left_network(manager, container_of(node, Network, link));
}

void manager_resync_networks(Manager *manager) {
        LIST_FOREACH_SAFE(&manager->networks, node) {
                Network *network = container_of(node, Network, link);
                LinkInfo now;

                if (link_get(manager->netlink, network->ifindex, &now, NULL) != -ENODEV)
                        continue;
                now = (LinkInfo){ .ifindex = network->ifindex };
                manager_see_network(manager, &now, LINK_GONE);
        }
}

void manager_forget_networks(Manager *manager) {
        LIST_FOREACH_SAFE(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                manager_forget_filters_of(network, -ECANCELED);
                gone_tell(&network->watches, -ECANCELED);
                network_free(network);
        }
}
