/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restores the packet filters of networks and of the uplinks when somebody else has changed or
 * deleted them: a firewall that is restarted flushes the whole ruleset. Those of a network are
 * restored in one transaction by libnftables, off the loop, and no tap is made on it meanwhile. If
 * they are undone again and again they are left alone for a while, and that is warned of.
 */
#include "networks/network-filters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "networks/firewall-watch.h"
#include "networks/network-filter.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"
#include "networks/uplink-filter.h"

/* What a network shows */

static bool has_egress(const Network *network) {
        return network->tag.plan.kind == NETWORK_NAT;
}

static void show(Networks *networks, Network *network) {
        const char *name = network->tag.plan.name;
        char sentence[304];

        if (filter_guard_is_given_up(&network->filters))
                snprintf(sentence, sizeof(sentence),
                                "Somebody on this host deletes or changes the packet filters of this network (nft list table inet " NETWORK_TABLE_PREFIX
                                "%s) again and again, so they are left for a minute: guests are not kept from the host, and no tap is made. Find out who does it (nft monitor).",
                                name);
        else
                snprintf(sentence, sizeof(sentence),
                                "Somebody on this host deletes or changes the packet filters of the uplinks (nft list table inet " NETWORK_TABLE_PREFIX
                                                UPLINK_FILTER_NAME
                                ") again and again, so they are left for a minute: guests may reach what is near the host. Find out who does it (nft monitor).");
        networks_warn(networks, network, NETWORK_WARNING_FILTERS,
                        filter_guard_is_given_up(&network->filters) ||
                                                        (filter_guard_is_given_up(
                                                                         &networks->uplink_guard) &&
                                                                        has_egress(network))
                                        ? sentence
                                        : NULL);
}

/* Those of a network */

/* libnftables starts over whenever somebody else changes filters before it has read them all. */
#define PATIENCE_USEC (8 * USEC_PER_SEC)

typedef struct FilterRestoration {
        WorkersJob job;
        Networks *networks;
        Network *network;   /* NULL: it is gone */
        uint64_t late_usec; /* nobody waits for it any longer then */
        NetworkPlan plan;
        int bridge;
        Mac mac;
        uint64_t digest;
        int error;
        Failure failure;
} FilterRestoration;

/* In a thread. */
static void run_restoration(WorkersJob *job) {
        FilterRestoration *restoration = container_of(job, FilterRestoration, job);

        restoration->error = network_make_filters(&restoration->plan, restoration->bridge,
                        &restoration->mac, true, &restoration->digest, &restoration->failure);
}

/* The network is gone by now, and its filters may have been made after they had been removed. */
static void clean_up(Networks *networks, const char *name) {
        Network *network = networks_find(networks, name);
        Failure failure = FAILURE_INIT;

        if (network)
                filter_guard_touch(&network->filters, networks->reconciler);
        else if (network_remove_filters(name, &failure) < 0)
                log_warning("The filters of the network %s stay: %s", name, failure.text);
}

static void take_restored(
                Networks *networks, Network *network, const FilterRestoration *restoration) {
        network->restoration = NULL;
        if (restoration->error >= 0)
                filter_guard_take_again(&network->filters, restoration->digest);
        else
                log_error("Cannot restore the packet filters of the network %s: %s",
                                network->tag.plan.name,
                                restoration->failure.kind != FAILURE_NONE
                                                ? restoration->failure.text
                                                : strerror(-restoration->error));
        /* Changes made meanwhile were not looked at. */
        filter_guard_touch(&network->filters, networks->reconciler);
        notify_removed(&network->filter_waiters, 0);
}

static void on_restored(WorkersJob *job) {
        _cleanup_free_ FilterRestoration *restoration = container_of(job, FilterRestoration, job);

        if (restoration->network)
                take_restored(restoration->networks, restoration->network, restoration);
        else
                clean_up(restoration->networks, restoration->plan.name);
}

static bool is_late(const FilterRestoration *restoration) {
        return clock_now_usec() >= restoration->late_usec;
}

/* Waiting calls are told when it is late, and check again. */
static void await(Networks *networks, Network *network) {
        if (is_late(network->restoration))
                notify_removed(&network->filter_waiters, 0);
        else
                reconciler_mark_at(networks->reconciler, &network->filters.reconcilable,
                                network->restoration->late_usec);
}

static void restore_network(Networks *networks, Network *network) {
        FilterRestoration *restoration;

        if (!filter_guard_may_restore(&network->filters, networks->reconciler)) {
                show(networks, network);
                return;
        }
        restoration = calloc(1, sizeof(*restoration));
        if (!restoration) {
                log_error("Out of memory: the packet filters of the network %s are not restored yet",
                                network->tag.plan.name);
                filter_guard_touch(&network->filters, networks->reconciler);
                return;
        }
        log_warning("Somebody else deleted or changed the packet filters of the network %s: they are made again",
                        network->tag.plan.name);
        *restoration = (FilterRestoration){
                .job = { .run = run_restoration, .done = on_restored },
                .networks = networks,
                .network = network,
                .plan = network->tag.plan,
                .bridge = network->ifindex,
                .mac = network->mac,
                .late_usec = clock_now_usec() + PATIENCE_USEC,
        };
        network->restoration = restoration;
        workers_submit(networks->workers, &restoration->job);
        await(networks, network);
}

static FilterState compare_network(Networks *networks, const Network *network) {
        FilterTable tables[NETWORK_TABLES];
        char buffer[NETWORK_TABLE_SIZE];

        network_filter_tables(network->tag.plan.name, buffer, tables);
        return filter_guard_compare(&network->filters, networks->netfilter, tables, NETWORK_TABLES);
}

static void reconcile_network(Reconcilable *thing) {
        Network *network = container_of(thing, Network, filters.reconcilable);
        Networks *networks = network->owner;

        network->filters.touched = false;
        if (!network->was_live || network->state == NETWORK_GONE || !networks->netfilter)
                return;
        if (network->restoration) {
                await(networks, network);
                return;
        }
        switch (compare_network(networks, network)) {
        case FILTERS_WHOLE:
                if (filter_guard_settle(&network->filters, networks->reconciler))
                        show(networks, network);
                break;
        case FILTERS_DIFFER:
                restore_network(networks, network);
                break;
        case FILTERS_UNCLEAR:
                filter_guard_touch(&network->filters, networks->reconciler);
                break;
        }
}

void networks_guard_filters_of(Network *network) {
        network->filters.reconcilable.interval_usec = FILTER_GUARD_INTERVAL_USEC;
        network->filters.reconcilable.reconcile = reconcile_network;
}

void networks_forget_filters_of(Network *network, int error) {
        if (network->restoration)
                network->restoration->network = NULL;
        network->restoration = NULL;
        notify_removed(&network->filter_waiters, error);
}

/* That of the uplinks */

static const FilterTable uplink_table = {
        FILTER_FAMILY_INET,
        NETWORK_TABLE_PREFIX UPLINK_FILTER_NAME,
};

static void take_uplink_filter(Networks *networks) {
        const unsigned made = uplinks_filter_made(networks->uplinks);
        uint64_t digest = 0;

        if (made == networks->uplink_filter_made || !networks->netfilter)
                return;
        networks->uplink_filter_made = made;
        if (uplinks_have_filter(networks->uplinks))
                (void)filter_guard_read(networks->netfilter, &uplink_table, 1, &digest);
        filter_guard_take(&networks->uplink_guard, digest);
}

void networks_update_uplinks(Networks *networks) {
        Failure failure = FAILURE_INIT;
        int r;

        if (!networks->uplinks)
                return;
        r = uplinks_update(networks->uplinks, networks->netlink, &failure);
        take_uplink_filter(networks);
        if (r < 0)
                log_warning("Cannot switch forwarding for the networks: %s",
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        networks_tell_warnings(networks);
        if (networks->egress_told == uplinks_egress_changes(networks->uplinks))
                return;
        networks->egress_told = uplinks_egress_changes(networks->uplinks);
        if (networks->observer)
                networks->observer->rerouted(networks->observer_data);
}

const Egress *networks_egress(const Networks *networks) {
        return networks->uplinks ? uplinks_egress(networks->uplinks) : NULL;
}

static void on_uplinks_due(void *userdata) {
        networks_update_uplinks(userdata);
        networks_check_firewalls(userdata);
}

int networks_open_uplinks(Networks *networks) {
        return networks->uplinks ? 0
                                 : uplinks_new(&networks->uplinks, networks->event, &networks->list,
                                                   on_uplinks_due, networks);
}

static void show_all(Networks *networks) {
        LIST_FOREACH(&networks->list, node)
                show(networks, container_of(node, Network, link));
}

static void restore_uplinks(Networks *networks) {
        const unsigned made = uplinks_filter_made(networks->uplinks);

        if (!filter_guard_may_restore(&networks->uplink_guard, networks->reconciler)) {
                show_all(networks);
                return;
        }
        log_warning("Somebody else deleted or changed the table \"%s\" of nf_tables: it is made again",
                        uplink_table.name);
        uplinks_forget_filter(networks->uplinks);
        networks_update_uplinks(networks);
        if (uplinks_filter_made(networks->uplinks) == made)
                filter_guard_touch(&networks->uplink_guard, networks->reconciler);
}

static void reconcile_uplinks(Reconcilable *thing) {
        Networks *networks = container_of(thing, Networks, uplink_guard.reconcilable);
        FilterGuard *guard = &networks->uplink_guard;

        guard->touched = false;
        if (!networks->netfilter || !networks->uplinks || !uplinks_have_filter(networks->uplinks))
                return;
        switch (filter_guard_compare(guard, networks->netfilter, &uplink_table, 1)) {
        case FILTERS_WHOLE:
                if (filter_guard_settle(guard, networks->reconciler))
                        show_all(networks);
                break;
        case FILTERS_DIFFER:
                restore_uplinks(networks);
                break;
        case FILTERS_UNCLEAR:
                filter_guard_touch(guard, networks->reconciler);
                break;
        }
}

/* All of them */

void networks_see_filters_touched(Networks *networks, const char *name) {
        Network *network;

        if (strcmp(name, UPLINK_FILTER_NAME) == 0) {
                filter_guard_touch(&networks->uplink_guard, networks->reconciler);
                return;
        }
        network = networks_find(networks, name);
        if (network)
                filter_guard_touch(&network->filters, networks->reconciler);
}

void networks_see_filters_lost(Networks *networks) {
        filter_guard_touch(&networks->uplink_guard, networks->reconciler);
        LIST_FOREACH(&networks->list, node)
                filter_guard_touch(
                                &container_of(node, Network, link)->filters, networks->reconciler);
}

int networks_look_at_filters(
                Networks *networks, Network *network, List **ret_blocked_on, Failure *failure) {
        filter_guard_reconcile_now(&networks->uplink_guard);
        filter_guard_reconcile_now(&network->filters);
        if (network->restoration && !is_late(network->restoration)) {
                *ret_blocked_on = &network->filter_waiters;
                return 1;
        }
        if (network->restoration)
                return failure_set(failure, FAILURE_KERNEL, EAGAIN,
                                "The packet filters of the network \"%s\" are being restored, but others on this host change packet filters faster than they can be read (nft monitor shows who). No tap is made on it until then; try again in a minute.",
                                network->tag.plan.name);
        if (filter_guard_is_whole(&network->filters))
                return 0;
        return failure_set(failure, FAILURE_KERNEL, EAGAIN,
                        "The packet filters of the network \"%s\" are not there: somebody on this host deletes or changes them (nft monitor shows it). No tap is made on it until they can be restored; try again in a minute.",
                        network->tag.plan.name);
}

void networks_begin_filters(Networks *networks) {
        networks->uplink_guard.reconcilable = (Reconcilable){
                .interval_usec = FILTER_GUARD_INTERVAL_USEC,
                .reconcile = reconcile_uplinks,
        };
}

void networks_leave_filters(Networks *networks) {
        reconciler_forget(&networks->uplink_guard.reconcilable);
        LIST_FOREACH(&networks->list, node)
                reconciler_forget(&container_of(node, Network, link)->filters.reconcilable);
}
