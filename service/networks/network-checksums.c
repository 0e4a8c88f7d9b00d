/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules by which DHCP replies of networks get their checksums (kernel/checksum), and the device
 * that they lead to if the kernel needs one: it exists as long as a network needs it, or these
 * replies would be dropped. Both are made again if somebody removes them.
 */
#include "networks/network-checksums.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/checksum.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"

DEFINE_CLEANUP(Netlink, netlink_close)

/* In a thread. If a network has come up meanwhile and needs the device, its removal event has it
 * made again. */
static void delete_device(WorkersJob *job) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;

        if (netlink_open(&netlink, NETLINK_ROUTE) >= 0)
                (void)checksum_delete_device(netlink);
        free(job);
}

static void remove_device(Networks *networks) {
        WorkersJob *job = calloc(1, sizeof(WorkersJob));

        if (!job)
                return;
        job->run = delete_device;
        workers_submit(networks->workers, job);
}

static bool is_warned(const Network *network) {
        return network->warnings[NETWORK_WARNING_CHECKSUMS];
}

/* An event says that it may be so; vnicd's own changes cause events, too. If the rules cannot be
 * read, the next event has them read again. */
static bool has_lost_rules(Networks *networks, Network *network) {
        int r;

        if (!network->egress_changed)
                return false;
        r = checksum_has_rules(networks->netlink, network->ifindex);
        network->egress_changed = r <= 0;
        return r == 0;
}

/* Whether any network needs the device, and whether one of them lacks it or its rules. */
static bool is_needed(Networks *networks, int device, bool *ret_missing) {
        bool needed = false;

        *ret_missing = false;
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);
                const bool led = network->checksum_device != 0 || is_warned(network);

                needed |= led;
                if (network_is_ending(network))
                        continue;
                *ret_missing |= led && (network->checksum_device != device || is_warned(network));
                *ret_missing |= has_lost_rules(networks, network);
        }
        return needed;
}

static void fill(Networks *networks) {
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);
                const bool warned = is_warned(network);

                if (network_is_ending(network))
                        continue;
                if (network_fill_checksums(network, networks->netlink) < 0)
                        log_error("Out of memory: DHCP replies of the network %s have no checksums",
                                        network->tag.plan.name);
                if (warned != is_warned(network))
                        networks_tell_warned(networks, network);
        }
}

static void give_up(Networks *networks) {
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (!network_is_ending(network) && network->egress_changed)
                        networks_warn(networks, network, NETWORK_WARNING_CHECKSUMS,
                                        "Somebody deletes the rules at the egress of the bridge again and again, and DHCP replies have no checksum for guests with checksum offload. Leave what \"tc filter show\" tells of it.");
                else if (!network_is_ending(network) && network->checksum_device > 0)
                        networks_warn(networks, network, NETWORK_WARNING_CHECKSUMS,
                                        "Somebody takes the device " CHECKSUM_DEVICE
                                        " away again and again, and DHCP replies are dropped without it. Leave it up and as it is.");
        }
        reconciler_mark_at(networks->reconciler, &networks->checksums,
                        restore_limit_next(&networks->checksum_limit));
}

static void reconcile(Reconcilable *thing) {
        Networks *networks = container_of(thing, Networks, checksums);
        int device, r = checksum_find_device(networks->netlink, &device);
        bool missing, needed = is_needed(networks, r < 0 ? -1 : device, &missing);

        if (!needed)
                remove_device(networks);
        else if (missing && restore_limit_take(&networks->checksum_limit, clock_now_usec()))
                fill(networks);
        else if (missing)
                give_up(networks);
}

void networks_check_checksums(Networks *networks) {
        networks->checksums.reconcile = reconcile;
        reconciler_mark(networks->reconciler, &networks->checksums);
}

void networks_see_checksum_device(Networks *networks, const LinkInfo *link) {
        if (strcmp(link->name, CHECKSUM_DEVICE) == 0)
                networks_check_checksums(networks);
}

void networks_see_rules_gone(Networks *networks, int ifindex) {
        Network *network = networks_at(networks, ifindex);

        if (!network || !network_sends_replies(network))
                return;
        network->egress_changed = true;
        networks_check_checksums(networks);
}

bool networks_is_last_on_device(const Networks *networks, const Network *network) {
        LIST_FOREACH(&networks->list, node) {
                const Network *other = container_of(node, Network, link);

                if (other != network && other->checksum_device > 0)
                        return false;
        }
        return true;
}
