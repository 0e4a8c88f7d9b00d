/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packet filters that somebody else has changed or taken away: a firewall that is started anew
 * flushes the whole ruleset. They are protection, so they are restored, each fact by one
 * transaction: those of all taps at once, by messages; those of a network by libnftables, off the
 * loop, while nothing new gets onto it. Whoever undoes them again and again is let have it, and
 * people are warned.
 *
 * What we change ourselves is told by the kernel like the rest; comparing it with what was made
 * costs some questions, each about one table of ours.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "networks/network-filter.h"
#include "networks/uplink-filter.h"
#include "taps/manager-private.h"
#include "taps/tap-filter.h"

static bool is_named(const FilterTable *table, const char *name) {
        return strcmp(table->name + strlen(NETWORK_TABLE_PREFIX), name) == 0;
}

static void touch(Manager *manager, FilterGuard *guard) {
        if (!guard->reconcilable.reconcile)
                return;
        guard->touched = true;
        reconciler_mark(manager->reconciler, &guard->reconcilable);
}

static void on_touched(const FilterTable *table, void *userdata) {
        Manager *manager = userdata;
        Network *network;

        if (is_named(table, TAP_FILTER_NAME)) {
                for (size_t i = 0; i < TAP_GUARDS; i++)
                        touch(manager, &manager->tap_guards[i].guard);
        } else if (is_named(table, UPLINK_FILTER_NAME)) {
                touch(manager, &manager->uplink_guard);
        } else {
                network = manager_find_network(manager, table->name + strlen(NETWORK_TABLE_PREFIX));
                if (network)
                        touch(manager, &network->filters);
        }
}

static void on_lost(void *userdata) {
        Manager *manager = userdata;

        for (size_t i = 0; i < TAP_GUARDS; i++)
                touch(manager, &manager->tap_guards[i].guard);
        touch(manager, &manager->uplink_guard);
        LIST_FOREACH(&manager->networks, node)
                touch(manager, &container_of(node, Network, link)->filters);
}

static void on_foreign(void *userdata) {
        Manager *manager = userdata;

        if (manager->started)
                manager_look_at_firewalls(manager);
}

static const FilterFollower follower = {
        .touched = on_touched,
        .lost = on_lost,
        .foreign = on_foreign,
};

/* Those of all taps */

static void tell_facts(Manager *manager, unsigned before) {
        if (manager->facts.tap_filters == before)
                return;
        manager_mend_ports(manager);
        if (manager->started && manager->observer)
                manager->observer->facts_changed(manager->userdata);
}

static FilterState compare_taps(Manager *manager, const TapGuard *tap) {
        const FilterTable *tables;
        const size_t n = tap_filter_tables(tap->filter, &tables);

        return filter_guard_compare(&tap->guard, manager->netfilter, tables, n);
}

static void take_taps(Manager *manager, TapGuard *tap) {
        const FilterTable *tables;
        const size_t n = tap_filter_tables(tap->filter, &tables);
        uint64_t digest = 0;

        if (manager->facts.tap_filters & tap->filter)
                (void)filter_guard_read(manager->netfilter, tables, n, &digest);
        filter_guard_take_again(&tap->guard, digest);
}

static int make_taps(Manager *manager, unsigned which) {
        Failure failure = FAILURE_INIT;
        int r = 0;

        if (!manager->netfilter)
                r = netlink_open(&manager->netfilter, NETLINK_NETFILTER);
        if (r >= 0)
                r = tap_filter_install(
                                manager->netfilter, which, &manager->facts.tap_filters, &failure);
        if (r < 0)
                log_warning("Frames that bridges do not forward reach the host past the filters of taps: %s" SEE_DOCTOR,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        for (size_t i = 0; i < TAP_GUARDS && manager->netfilter; i++)
                if (manager->tap_guards[i].filter & which)
                        take_taps(manager, &manager->tap_guards[i]);
        return r;
}

static const char *name_of(const TapGuard *tap) {
        return tap->filter == TAP_FILTER_RESERVED
                        ? "table bridge " NETWORK_TABLE_PREFIX TAP_FILTER_NAME
                        : "tables inet and arp " NETWORK_TABLE_PREFIX TAP_FILTER_NAME;
}

/* Left for now: without the tables, ports have to forward nothing that they are for. */
static void give_taps_up(Manager *manager, TapGuard *tap) {
        if (!(manager->facts.tap_filters & tap->filter))
                return;
        manager->facts.tap_filters &= ~(unsigned)tap->filter;
        log_warning("Somebody on this host deletes or changes the packet filters of taps (%s) again and again, so they are left for a minute. Find out who does it (nft monitor).",
                        name_of(tap));
}

static void restore_taps(Manager *manager, TapGuard *tap) {
        const unsigned before = manager->facts.tap_filters;

        if (!filter_guard_may_restore(&tap->guard, manager->reconciler)) {
                give_taps_up(manager, tap);
        } else {
                log_warning("Somebody else deleted or changed the packet filters of taps (%s): they are made again",
                                name_of(tap));
                (void)make_taps(manager, tap->filter);
        }
        tell_facts(manager, before);
}

static void reconcile_taps(Reconcilable *thing) {
        TapGuard *tap = container_of(thing, TapGuard, guard.reconcilable);
        Manager *manager = tap->owner;

        tap->guard.touched = false;
        if (!manager->netfilter)
                return;
        switch (compare_taps(manager, tap)) {
        case FILTERS_WHOLE:
                (void)filter_guard_settle(&tap->guard, manager->reconciler);
                break;
        case FILTERS_DIFFER:
                restore_taps(manager, tap);
                break;
        case FILTERS_UNCLEAR:
                touch(manager, &tap->guard);
                break;
        }
}

int manager_make_tap_filters(Manager *manager) {
        const unsigned before = manager->facts.tap_filters;
        int r = make_taps(manager, TAP_FILTER_ALL);

        if (before != manager->facts.tap_filters)
                manager_mend_ports(manager);
        return r;
}

/* What a network shows */

static bool has_way_out(const Network *network) {
        return network->tag.plan.kind == NETWORK_NAT;
}

static void show(Manager *manager, Network *network) {
        const char *name = network->tag.plan.name;
        char sentence[304];

        if (network->filters.given_up)
                snprintf(sentence, sizeof(sentence),
                                "Somebody on this host deletes or changes the packet filters of this network (nft list table inet " NETWORK_TABLE_PREFIX
                                "%s) again and again, so they are left for a minute: guests are not kept from the host, and no tap is made. Find out who does it (nft monitor).",
                                name);
        else
                snprintf(sentence, sizeof(sentence),
                                "Somebody on this host deletes or changes the packet filters of the uplinks (nft list table inet " NETWORK_TABLE_PREFIX
                                                UPLINK_FILTER_NAME
                                ") again and again, so they are left for a minute: guests may reach what is near the host. Find out who does it (nft monitor).");
        manager_warn_network(manager, network, NETWORK_WARNING_FILTERS,
                        network->filters.given_up ||
                                                        (manager->uplink_guard.given_up &&
                                                                        has_way_out(network))
                                        ? sentence
                                        : NULL);
}

/* Those of a network */

/* libnftables begins anew whenever somebody else changes filters before it has read what there is.
 */
#define PATIENCE_USEC (8 * USEC_PER_SEC)

typedef struct FilterRestoration {
        CloserJob job;
        Manager *manager;
        Network *network;   /* NULL: it is gone */
        uint64_t late_usec; /* from then on nobody waits for it */
        NetworkPlan plan;
        int bridge;
        Mac mac;
        uint64_t digest;
        int error;
        Failure failure;
} FilterRestoration;

/* In a thread. */
static void run_restoration(CloserJob *job) {
        FilterRestoration *restoration = container_of(job, FilterRestoration, job);

        restoration->error = network_make_filters(&restoration->plan, restoration->bridge,
                        &restoration->mac, true, &restoration->digest, &restoration->failure);
}

/* The network went meanwhile, and its filters may have been made after they were removed. */
static void clean_up(Manager *manager, const char *name) {
        Network *network = manager_find_network(manager, name);
        Failure failure = FAILURE_INIT;

        if (network)
                touch(manager, &network->filters);
        else if (network_remove_filters(name, &failure) < 0)
                log_warning("The filters of the network %s stay: %s", name, failure.text);
}

static void take_restored(
                Manager *manager, Network *network, const FilterRestoration *restoration) {
        network->restoration = NULL;
        if (restoration->error >= 0)
                filter_guard_take_again(&network->filters, restoration->digest);
        else
                log_error("Cannot restore the packet filters of the network %s: %s",
                                network->tag.plan.name,
                                restoration->failure.kind != FAILURE_NONE
                                                ? restoration->failure.text
                                                : strerror(-restoration->error));
        /* What was changed meanwhile was not looked at. */
        touch(manager, &network->filters);
        gone_tell(&network->filter_watches, 0);
}

static void on_restored(CloserJob *job) {
        _cleanup_free_ FilterRestoration *restoration = container_of(job, FilterRestoration, job);

        if (restoration->network)
                take_restored(restoration->manager, restoration->network, restoration);
        else
                clean_up(restoration->manager, restoration->plan.name);
}

static bool is_late(const FilterRestoration *restoration) {
        return clock_now_usec() >= restoration->late_usec;
}

/* Calls that wait for it look again when it is late. */
static void await(Manager *manager, Network *network) {
        if (is_late(network->restoration))
                gone_tell(&network->filter_watches, 0);
        else
                reconciler_mark_at(manager->reconciler, &network->filters.reconcilable,
                                network->restoration->late_usec);
}

static void restore_network(Manager *manager, Network *network) {
        FilterRestoration *restoration;

        if (!filter_guard_may_restore(&network->filters, manager->reconciler)) {
                show(manager, network);
                return;
        }
        restoration = calloc(1, sizeof(*restoration));
        if (!restoration) {
                log_error("Out of memory: the packet filters of the network %s are not restored yet",
                                network->tag.plan.name);
                touch(manager, &network->filters);
                return;
        }
        log_warning("Somebody else deleted or changed the packet filters of the network %s: they are made again",
                        network->tag.plan.name);
        *restoration = (FilterRestoration){
                .job = { .run = run_restoration, .done = on_restored },
                .manager = manager,
                .network = network,
                .plan = network->tag.plan,
                .bridge = network->ifindex,
                .mac = network->mac,
                .late_usec = clock_now_usec() + PATIENCE_USEC,
        };
        network->restoration = restoration;
        closer_submit(manager->closer, &restoration->job);
        await(manager, network);
}

static FilterState compare_network(Manager *manager, const Network *network) {
        FilterTable tables[NETWORK_TABLES];
        char buffer[NETWORK_TABLE_SIZE];

        network_filter_tables(network->tag.plan.name, buffer, tables);
        return filter_guard_compare(&network->filters, manager->netfilter, tables, NETWORK_TABLES);
}

static void reconcile_network(Reconcilable *thing) {
        Network *network = container_of(thing, Network, filters.reconcilable);
        Manager *manager = network->owner;

        network->filters.touched = false;
        if (!network->born || network->bridge_gone || !manager->netfilter)
                return;
        if (network->restoration) {
                await(manager, network);
                return;
        }
        switch (compare_network(manager, network)) {
        case FILTERS_WHOLE:
                if (filter_guard_settle(&network->filters, manager->reconciler))
                        show(manager, network);
                break;
        case FILTERS_DIFFER:
                restore_network(manager, network);
                break;
        case FILTERS_UNCLEAR:
                touch(manager, &network->filters);
                break;
        }
}

void manager_guard_filters_of(Network *network) {
        network->filters.reconcilable.interval_usec = FILTER_GUARD_INTERVAL_USEC;
        network->filters.reconcilable.reconcile = reconcile_network;
}

void manager_forget_filters_of(Network *network, int error) {
        if (network->restoration)
                network->restoration->network = NULL;
        network->restoration = NULL;
        gone_tell(&network->filter_watches, error);
}

/* That of the uplinks */

static const FilterTable uplink_table = {
        FILTER_FAMILY_INET,
        NETWORK_TABLE_PREFIX UPLINK_FILTER_NAME,
};

void manager_take_uplink_filter(Manager *manager) {
        const unsigned made = uplinks_filter_made(manager->uplinks);
        uint64_t digest = 0;

        if (made == manager->uplink_filter_made || !manager->netfilter)
                return;
        manager->uplink_filter_made = made;
        if (uplinks_have_filter(manager->uplinks))
                (void)filter_guard_read(manager->netfilter, &uplink_table, 1, &digest);
        filter_guard_take(&manager->uplink_guard, digest);
}

static void show_all(Manager *manager) {
        LIST_FOREACH(&manager->networks, node)
                show(manager, container_of(node, Network, link));
}

static void restore_uplinks(Manager *manager) {
        const unsigned made = uplinks_filter_made(manager->uplinks);

        if (!filter_guard_may_restore(&manager->uplink_guard, manager->reconciler)) {
                show_all(manager);
                return;
        }
        log_warning("Somebody else deleted or changed the table \"%s\" of nf_tables: it is made again",
                        uplink_table.name);
        uplinks_forget_filter(manager->uplinks);
        manager_update_uplinks(manager);
        if (uplinks_filter_made(manager->uplinks) == made)
                touch(manager, &manager->uplink_guard);
}

static void reconcile_uplinks(Reconcilable *thing) {
        Manager *manager = container_of(thing, Manager, uplink_guard.reconcilable);
        FilterGuard *guard = &manager->uplink_guard;

        guard->touched = false;
        if (!manager->netfilter || !manager->uplinks || !uplinks_have_filter(manager->uplinks))
                return;
        switch (filter_guard_compare(guard, manager->netfilter, &uplink_table, 1)) {
        case FILTERS_WHOLE:
                if (filter_guard_settle(guard, manager->reconciler))
                        show_all(manager);
                break;
        case FILTERS_DIFFER:
                restore_uplinks(manager);
                break;
        case FILTERS_UNCLEAR:
                touch(manager, guard);
                break;
        }
}

/* All of them */

static void reconcile_now(FilterGuard *guard) {
        if (!guard->touched)
                return;
        reconciler_forget(&guard->reconcilable);
        guard->reconcilable.reconcile(&guard->reconcilable);
}

int manager_look_at_filters(
                Manager *manager, Network *network, List **ret_blocked_on, Failure *failure) {
        filter_monitor_catch_up(manager->filter_monitor);
        for (size_t i = 0; i < TAP_GUARDS; i++)
                reconcile_now(&manager->tap_guards[i].guard);
        if (!network)
                return PLACEMENT_OK;
        reconcile_now(&manager->uplink_guard);
        reconcile_now(&network->filters);
        if (network->restoration && !is_late(network->restoration)) {
                *ret_blocked_on = &network->filter_watches;
                return PLACEMENT_BLOCKED;
        }
        if (network->restoration)
                return failure_set(failure, FAILURE_KERNEL, EAGAIN,
                                "The packet filters of the network \"%s\" are being restored, but others on this host change packet filters faster than they can be read (nft monitor shows who). No tap is made on it until then; try again in a minute.",
                                network->tag.plan.name);
        if (network->filters.whole)
                return PLACEMENT_OK;
        return failure_set(failure, FAILURE_KERNEL, EAGAIN,
                        "The packet filters of the network \"%s\" are not there: somebody on this host deletes or changes them (nft monitor shows it). No tap is made on it until they can be restored; try again in a minute.",
                        network->tag.plan.name);
}

int manager_watch_filters(Manager *manager, sd_event *event) {
        static const TapFilter filters[TAP_GUARDS] = { TAP_FILTER_RESERVED, TAP_FILTER_LOST };
        const Reconcilable reconcilable = { .interval_usec = FILTER_GUARD_INTERVAL_USEC };
        int r;

        for (size_t i = 0; i < TAP_GUARDS; i++) {
                TapGuard *tap = &manager->tap_guards[i];

                *tap = (TapGuard){ .owner = manager, .filter = filters[i] };
                tap->guard.reconcilable = reconcilable;
                tap->guard.reconcilable.reconcile = reconcile_taps;
        }
        manager->uplink_guard.reconcilable = reconcilable;
        manager->uplink_guard.reconcilable.reconcile = reconcile_uplinks;
        r = filter_monitor_new(&manager->filter_monitor, event, &follower, manager);
        if (r < 0)
                log_warning("What others do to the packet filters of vnicd is not seen: %s",
                                strerror(-r));
        return r == -ENOMEM ? r : 0;
}

void manager_leave_filters(Manager *manager) {
        manager->filter_monitor = filter_monitor_free(manager->filter_monitor);
        for (size_t i = 0; i < TAP_GUARDS; i++)
                reconciler_forget(&manager->tap_guards[i].guard.reconcilable);
        reconciler_forget(&manager->uplink_guard.reconcilable);
        LIST_FOREACH(&manager->networks, node)
                reconciler_forget(&container_of(node, Network, link)->filters.reconcilable);
}
