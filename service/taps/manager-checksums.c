/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules by which DHCP replies of networks get their checksums (kernel/checksum), and the device
 * that they lead to where the kernel needs one: it is there as long as a network needs it. Without
 * it these replies would be dropped. Both are made again if somebody takes them away.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/checksum.h"
#include "taps/manager-private.h"

DEFINE_CLEANUP(Netlink, netlink_close)

/* In a thread. A network that has come up meanwhile and needs it makes it again, by the event of
 * its end. */
static void delete_device(CloserJob *job) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;

        if (netlink_open(&netlink, NETLINK_ROUTE) >= 0)
                (void)checksum_delete_device(netlink);
        free(job);
}

static void remove_device(Manager *manager) {
        CloserJob *job = calloc(1, sizeof(CloserJob));

        if (!job)
                return;
        job->run = delete_device;
        closer_submit(manager->closer, job);
}

static bool is_warned(const Network *network) {
        return network->warnings[NETWORK_WARNING_CHECKSUMS];
}

/* An event says that it may be so; vnicd's own replacing of rules is told of too. What cannot be
 * looked at is looked at again with the next event. */
static bool has_lost_rules(Manager *manager, Network *network) {
        int r;

        if (!network->egress_changed)
                return false;
        r = checksum_has_rules(manager->netlink, network->ifindex);
        network->egress_changed = r <= 0;
        return r == 0;
}

/* Whether a network needs the device, and whether one of them is without it or without its rules.
 */
static bool is_needed(Manager *manager, int device, bool *ret_missing) {
        bool needed = false;

        *ret_missing = false;
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);
                const bool led = network->checksum_device != 0 || is_warned(network);

                needed |= led;
                if (network->doomed)
                        continue;
                *ret_missing |= led && (network->checksum_device != device || is_warned(network));
                *ret_missing |= has_lost_rules(manager, network);
        }
        return needed;
}

static void fill(Manager *manager) {
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);
                const bool warned = is_warned(network);

                if (network->doomed)
                        continue;
                if (network_fill_checksums(network, manager->netlink) < 0)
                        log_error("Out of memory: DHCP replies of the network %s have no checksums",
                                        network->tag.plan.name);
                if (warned != is_warned(network) && network->born && manager->started &&
                                manager->observer)
                        manager->observer->network_warned(network, manager->userdata);
        }
}

static void give_up(Manager *manager) {
        LIST_FOREACH(&manager->networks, node) {
                Network *network = container_of(node, Network, link);

                if (!network->doomed && network->egress_changed)
                        manager_warn_network(manager, network, NETWORK_WARNING_CHECKSUMS,
                                        "Somebody deletes the rules at the egress of the bridge again and again, and DHCP replies have no checksum for guests with checksum offload. Leave what \"tc filter show\" tells of it.");
                else if (!network->doomed && network->checksum_device > 0)
                        manager_warn_network(manager, network, NETWORK_WARNING_CHECKSUMS,
                                        "Somebody takes the device " CHECKSUM_DEVICE
                                        " away again and again, and DHCP replies are dropped without it. Leave it up and as it is.");
        }
        reconciler_mark_at(manager->reconciler, &manager->checksums,
                        restore_limit_next(&manager->checksum_limit));
}

static void reconcile(Reconcilable *thing) {
        Manager *manager = container_of(thing, Manager, checksums);
        int device, r = checksum_find_device(manager->netlink, &device);
        bool missing, needed = is_needed(manager, r < 0 ? -1 : device, &missing);

        if (!needed)
                remove_device(manager);
        else if (missing && restore_limit_take(&manager->checksum_limit, clock_now_usec()))
                fill(manager);
        else if (missing)
                give_up(manager);
}

void manager_look_at_checksums(Manager *manager) {
        manager->checksums.reconcile = reconcile;
        reconciler_mark(manager->reconciler, &manager->checksums);
}

void manager_see_checksum_device(Manager *manager, const LinkInfo *link) {
        if (strcmp(link->name, CHECKSUM_DEVICE) == 0)
                manager_look_at_checksums(manager);
}

void manager_see_rules_gone(Manager *manager, int ifindex) {
        Network *network = manager_network_at(manager, ifindex);

        if (!network || !network_sends_replies(network))
                return;
        network->egress_changed = true;
        manager_look_at_checksums(manager);
}

bool manager_is_last_on_device(const Manager *manager, const Network *network) {
        LIST_FOREACH(&manager->networks, node) {
                const Network *other = container_of(node, Network, link);

                if (other != network && other->checksum_device > 0)
                        return false;
        }
        return true;
}
