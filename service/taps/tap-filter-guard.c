/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restores the packet filters of all taps at once, by messages, when somebody else has changed or
 * deleted them (for those of networks see networks/network-filters). If they are undone again and
 * again they are left alone for a while, and that is warned of.
 *
 * The kernel reports our own changes like all others; comparing costs a few requests, each about
 * one of our tables.
 */
#include "taps/tap-filter-guard.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "networks/firewall-watch.h"
#include "networks/network-filter.h"
#include "networks/network-filters.h"
#include "taps/manager-private.h"
#include "taps/tap-filter.h"
#include "taps/tracker.h"

static void touch_all(Manager *manager) {
        for (size_t i = 0; i < TAP_GUARDS; i++)
                filter_guard_touch(&manager->tap_guards[i].guard, manager->reconciler);
}

static void on_touched(const FilterTable *table, void *userdata) {
        const char *name = table->name + strlen(NETWORK_TABLE_PREFIX);
        Manager *manager = userdata;

        if (strcmp(name, TAP_FILTER_NAME) == 0)
                touch_all(manager);
        else
                networks_see_filters_touched(manager->networks, name);
}

static void on_lost(void *userdata) {
        Manager *manager = userdata;

        touch_all(manager);
        networks_see_filters_lost(manager->networks);
}

static void on_foreign(void *userdata) {
        Manager *manager = userdata;

        if (manager->state != MANAGER_STARTING)
                networks_check_firewalls(manager->networks);
}

static const FilterFollower follower = {
        .touched = on_touched,
        .lost = on_lost,
        .foreign = on_foreign,
};

/* Those of all taps */

static void tell_facts(Manager *manager, unsigned before) {
        if (manager->capabilities.tap_filters == before)
                return;
        manager_mend_ports(manager);
        if (manager->observer && manager->state != MANAGER_STARTING)
                manager->observer->capabilities_changed(manager->userdata);
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

        if (manager->capabilities.tap_filters & tap->filter)
                (void)filter_guard_read(manager->netfilter, tables, n, &digest);
        filter_guard_take_again(&tap->guard, digest);
}

static int make_taps(Manager *manager, unsigned which) {
        Failure failure = FAILURE_INIT;
        int r = 0;

        if (!manager->netfilter)
                r = netlink_open(&manager->netfilter, NETLINK_NETFILTER);
        if (r >= 0)
                networks_set_netfilter(manager->networks, manager->netfilter);
        if (r >= 0)
                r = tap_filter_install(manager->netfilter, which,
                                &manager->capabilities.tap_filters, &failure);
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

/* They are left alone for now: without these tables, ports must not forward the frames that they
 * would drop. */
static void give_taps_up(Manager *manager, TapGuard *tap) {
        if (!(manager->capabilities.tap_filters & tap->filter))
                return;
        manager->capabilities.tap_filters &= ~(unsigned)tap->filter;
        log_warning("Somebody on this host deletes or changes the packet filters of taps (%s) again and again, so they are left for a minute. Find out who does it (nft monitor).",
                        name_of(tap));
}

static void restore_taps(Manager *manager, TapGuard *tap) {
        const unsigned before = manager->capabilities.tap_filters;

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
                filter_guard_touch(&tap->guard, manager->reconciler);
                break;
        }
}

int manager_make_tap_filters(Manager *manager) {
        const unsigned before = manager->capabilities.tap_filters;
        int r = make_taps(manager, TAP_FILTER_ALL);

        if (before != manager->capabilities.tap_filters)
                manager_mend_ports(manager);
        return r;
}

int manager_look_at_filters(
                Manager *manager, Network *network, List **ret_blocked_on, Failure *failure) {
        filter_monitor_catch_up(manager->filter_monitor);
        for (size_t i = 0; i < TAP_GUARDS; i++)
                filter_guard_reconcile_now(&manager->tap_guards[i].guard);
        return network ? networks_look_at_filters(
                                         manager->networks, network, ret_blocked_on, failure)
                       : 0;
}

int manager_watch_filters(Manager *manager, sd_event *event) {
        static const TapFilter filters[TAP_GUARDS] = { TAP_FILTER_RESERVED, TAP_FILTER_LOST };
        int r;

        for (size_t i = 0; i < TAP_GUARDS; i++) {
                TapGuard *tap = &manager->tap_guards[i];

                *tap = (TapGuard){ .owner = manager, .filter = filters[i] };
                tap->guard.reconcilable.interval_usec = FILTER_GUARD_INTERVAL_USEC;
                tap->guard.reconcilable.reconcile = reconcile_taps;
        }
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
        if (manager->networks)
                networks_leave_filters(manager->networks);
}
