/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What networks are there already when the service starts: what it had made, whole or half made,
 * before it was stopped or killed. It is taken up from the kernel alone, completed, or taken away.
 */
#include "networks/networks-restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/filter.h"
#include "networks/network-filter.h"
#include "networks/network-filters.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"
#include "networks/networks.h"
#include "networks/uplink-filter.h"

DEFINE_CLEANUP(Network, network_free)

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
        network->born = found >= 0;
        r = networks_enlist(networks, network);
        if (r >= 0)
                (void)TAKE_PTR(network);
        return r;
}

static int find_networks(Networks *networks) {
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r)
                r = link_dump(networks->netlink, take_bridge, networks, NULL);
        return r;
}

/* No network has a name that ends so. */
static bool is_of_taps(const char *name) {
        const size_t n = strlen(name);

        return n > 0 && name[n - 1] == '-' && strcmp(name, UPLINK_FILTER_NAME) != 0;
}

/* Filters of a network whose bridge is gone. Those of all taps are nobody's orphans. */
static int remove_orphan(const char *table, void *userdata) {
        const size_t n = strlen(NETWORK_TABLE_PREFIX);
        Networks *networks = userdata;

        if (strncmp(table, NETWORK_TABLE_PREFIX, n) != 0 || networks_find(networks, table + n) ||
                        is_of_taps(table + n) ||
                        (strcmp(table + n, UPLINK_FILTER_NAME) == 0 &&
                                        !list_is_empty(&networks->list)))
                return 0;
        return network_remove_filters(table + n, NULL);
}

/* A network that cannot be completed stays as it is: guests may be on it. */
static void complete(Networks *networks, Network *network) {
        Failure failure = FAILURE_INIT;
        int r = network_complete(network, networks->netlink, &failure);

        if (r < 0)
                log_error("The network %s is not what it should be: %s", network->tag.plan.name,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        else
                networks_check_sources(networks, network);
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

                if (network->born)
                        complete(networks, network);
        }
        LIST_FOREACH_SAFE(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (!network->born)
                        networks_evict(networks, network);
        }
        if (!list_is_empty(&networks->list) || left > 0)
                networks_update_uplinks(networks);
}

void networks_remove_orphans(Networks *networks) {
        Failure failure = FAILURE_INIT;
        int r = filter_each_table(remove_orphan, networks, &failure);

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
