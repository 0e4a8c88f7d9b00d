/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Brings what an endpoint was made as (its tag) and what its link is together; nothing else does.
 * Events only say that they may differ. The rule (docs/reconcile.md): protection is restored; a
 * move to another bridge is followed, into the tag; a tap on no bridge is held; everything else is
 * warned of.
 *
 * Filters come before frames: a tap on no bridge gets a group whose frames are dropped at the port
 * (networks/group) and keeps it, whichever bridge it is put on, until the flags of its port and the
 * entry of its MAC are set.
 */
#include "taps/reconcile-endpoint.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "networks/group.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/tap-port.h"

/* A tap that takes another guest's MAC removes that guest's entry, and there may always be one more
 * tap to do it with: restoring these entries must never stop. */
#define RECENTLY_USEC (1000 * 1000)

#define BIT(fact) (1U << (fact))

/* Nobody has a right to an entry that was learnt in the meantime, or that a link with a stolen MAC
 * has caused; an administrator has to one they have set, and another guest to the MAC of its own
 * tag. */
static bool may_be_replaced(const Manager *manager, const FdbEntry *entry, const Mac *mac) {
        const Endpoint *holder = registry_by_ifindex(&manager->registry, entry->port);

        return entry->learnt || (holder && !mac_equal(&holder->tag.guest_mac, mac));
}

/* false: somebody has given the MAC to another port there. vlan: 0: none. */
static bool guard_filter(Manager *manager, const Endpoint *endpoint, uint16_t vlan) {
        const Mac *mac = &endpoint->tag.guest_mac;
        Failure failure = FAILURE_INIT;
        FdbEntry entry;
        int r;

        r = bridge_find_mac_in_vlan(
                        manager->netlink, endpoint->now.master, mac, vlan, &entry, NULL);
        if (r >= 0 && entry.port == endpoint->now.ifindex && !entry.learnt)
                return true;
        if (r < 0 && r != -ENOENT) /* the bridge is gone: the link itself will tell */
                return true;
        if (r >= 0 && !may_be_replaced(manager, &entry, mac))
                return false;
        r = fdb_add_static_in_vlan(
                        manager->netlink, endpoint->now.ifindex, mac, vlan, true, &failure);
        if (r < 0 && link_get(manager->netlink, endpoint->now.ifindex, &(LinkInfo){ 0 }, NULL) >= 0)
                log_warning("Cannot put the filter of %s back: %s", endpoint->now.name,
                                failure.text);
        return true;
}

static bool has_filter(const Endpoint *endpoint) {
        return endpoint->state == ENDPOINT_LIVE && endpoint_has_anti_spoof(endpoint);
}

static bool has_fdb_entry(Manager *manager, const Endpoint *endpoint) {
        FdbEntry entry;

        return bridge_find_mac(manager->netlink, endpoint->now.master, &endpoint->tag.guest_mac,
                               &entry, NULL) >= 0 &&
                        entry.port == endpoint->now.ifindex && !entry.learnt;
}

static void add_fdb_entry(Manager *manager, const Endpoint *endpoint) {
        if (has_filter(endpoint) && !guard_filter(manager, endpoint, 0))
                log_warning("%s is not heard any more: somebody gave its guest's MAC to another port",
                                endpoint->now.name);
}

/* FNV-1a. Each port event lists all VLANs; a holder can cause many events, and a trunk has
 * thousands of VLANs. */
static uint64_t hash_vlans(const PortVlans *vlans) {
        const uint8_t *bytes = (const void *)vlans->ranges;
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < vlans->n * sizeof(*vlans->ranges); i++)
                hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        return hash;
}

void manager_guard_vlans(Manager *manager, Endpoint *endpoint, const PortVlans *vlans) {
        const uint64_t hash = hash_vlans(vlans);
        unsigned refused = 0;

        if (!has_filter(endpoint) || endpoint->vlans == hash)
                return;
        endpoint->vlans = hash;
        for (size_t i = 0; i < vlans->n; i++)
                for (unsigned vlan = vlans->ranges[i].first; vlan <= vlans->ranges[i].last; vlan++)
                        refused += !guard_filter(manager, endpoint, (uint16_t)vlan);
        endpoint->muted = refused > 0;
        if (refused > 0)
                log_warning("%s is not heard in %u VLANs: another port has its guest's MAC there",
                                endpoint->now.name, refused);
}

/* The filter does not know a tap without its group: until that is restored, or if it may not be,
 * the port forwards no reserved frames. */
static TapPort to_be(const Manager *manager, const Endpoint *endpoint) {
        TapPort port = tap_port_for_tag(&endpoint->tag, &endpoint->now,
                        endpoint->network ? endpoint->network->ifindex : 0,
                        manager->capabilities.tap_filters);

        if (!group_is_of_bridged_tap(endpoint->now.group))
                port.port.group_fwd_mask = 0;
        return port;
}

static bool belongs_on_bridge(const Endpoint *endpoint) {
        return *endpoint->tag.bridge || group_is_of_bridged_tap(endpoint->now.group);
}

static const char *name_to_be(const Endpoint *endpoint) {
        return endpoint->network           ? endpoint->network->tag.plan.name
                        : endpoint->bridge ? endpoint->bridge->name
                                           : endpoint->tag.bridge;
}

/* Somebody has put it on another bridge of the host. Filters, limits and addresses depend on the
 * network that a tap was made for, so no move from or to a network is followed. */
static bool was_moved(const Manager *manager, const Endpoint *endpoint) {
        const LinkInfo *now = &endpoint->now;

        return now->is_bridge_port && !endpoint->network &&
                        now->master != endpoint_bridge(endpoint) &&
                        !networks_at(manager->networks, now->master);
}

/* The facts of its port that differ. More protection than it was made with is an administrator's
 * choice. */
static unsigned port_differences(const Endpoint *endpoint, const LinkPort *wanted) {
        const LinkPort *now = &endpoint->now.port;
        unsigned facts = 0;

        if (wanted->locked && (!now->locked || now->learning))
                facts |= BIT(ENDPOINT_FACT_ANTI_SPOOF);
        if (endpoint->tag.anti_spoof && endpoint->check_fdb_entry)
                facts |= BIT(ENDPOINT_FACT_FDB_ENTRY);
        if (wanted->isolated && !now->isolated)
                facts |= BIT(ENDPOINT_FACT_ISOLATED);
        if (now->group_fwd_mask != wanted->group_fwd_mask ||
                        (wanted->root_block && !now->root_block) ||
                        (wanted->bpdu_guard && !now->bpdu_guard))
                facts |= BIT(ENDPOINT_FACT_PORT);
        return facts;
}

static bool is_held_rightly(const Endpoint *endpoint) {
        const uint32_t group = endpoint->now.group;

        if (endpoint->network)
                return group == held_tap_group(endpoint->network->ifindex);
        return group == TAP_GROUP_HELD ||
                        (group == TAP_GROUP_TAKEN_OFF && endpoint->bridge &&
                                        endpoint->bridge->ifindex > 0);
}

static unsigned differences(const Manager *manager, const Endpoint *endpoint) {
        const TapPort wanted = to_be(manager, endpoint);
        unsigned facts = 0;

        if (endpoint->now.is_bridge_port)
                facts = port_differences(endpoint, &wanted.port);
        else if (belongs_on_bridge(endpoint))
                return is_held_rightly(endpoint) ? 0 : BIT(ENDPOINT_FACT_GROUP);
        if (endpoint->now.group != wanted.group)
                facts |= BIT(ENDPOINT_FACT_GROUP);
        return facts;
}

static bool differs(const Manager *manager, const Endpoint *endpoint) {
        const unsigned left = endpoint->left & ~BIT(ENDPOINT_FACT_BRIDGE);

        return endpoint->tag.is_older || was_moved(manager, endpoint) ||
                        strcmp(endpoint->tag.bridge, name_to_be(endpoint)) != 0 ||
                        differences(manager, endpoint) != left;
}

static void write_tag(Manager *manager, Endpoint *endpoint, const Tag *tag) {
        Failure failure = FAILURE_INIT;
        char text[TAG_SIZE];

        if (link_set_alias(manager->netlink, endpoint->now.ifindex, tag_format(tag, text),
                            &failure) >= 0)
                endpoint->tag = *tag;
        else
                log_warning("Cannot bring the tag of %s up to date: %s", endpoint->now.name,
                                failure.text);
}

/* An older version's tag does not say what the tap was made as, so what it is now is taken for
 * that. */
static void complete_tag(Manager *manager, Endpoint *endpoint) {
        const LinkInfo *now = &endpoint->now;
        Tag tag = endpoint->tag;

        tag.is_older = false;
        tag.isolated = now->is_bridge_port && now->port.isolated;
        tag.anti_spoof = endpoint_has_anti_spoof(endpoint);
        tag.bpdu_guard = now->is_bridge_port && now->port.bpdu_guard;
        tag.on_network = endpoint->network;
        strcpy(tag.bridge, name_to_be(endpoint));
        write_tag(manager, endpoint, &tag);
}

static void follow_move(Manager *manager, Endpoint *endpoint) {
        char name[IFNAMSIZ];

        if (*link_name(manager->netlink, endpoint->now.master, name) == '\0')
                return;
        if (manager_enter_bridge(manager, endpoint, name, endpoint->now.master) < 0)
                log_error("Out of memory: it is not remembered on which bridge %s is",
                                endpoint->now.name);
}

static void follow_name(Manager *manager, Endpoint *endpoint) {
        Tag tag = endpoint->tag;

        if (strcmp(tag.bridge, name_to_be(endpoint)) == 0)
                return;
        strcpy(tag.bridge, name_to_be(endpoint));
        write_tag(manager, endpoint, &tag);
}

static void log_left(const Endpoint *endpoint, unsigned facts) {
        static const char *const what[ENDPOINT_FACT_MAX] = {
                [ENDPOINT_FACT_ANTI_SPOOF] = "its filter against forged MAC addresses",
                [ENDPOINT_FACT_FDB_ENTRY] = "the entry of its guest's MAC",
                [ENDPOINT_FACT_ISOLATED] = "the isolation of its port",
                [ENDPOINT_FACT_PORT] = "the flags of its port",
                [ENDPOINT_FACT_GROUP] = "its group",
                [ENDPOINT_FACT_BRIDGE] = "its bridge",
        };

        for (EndpointFact fact = 0; fact < ENDPOINT_FACT_MAX; fact++)
                if (facts & BIT(fact))
                        log_warning("Somebody takes %s from %s again and again: it was put back %u times within a minute, and is left so for now",
                                        what[fact], endpoint->now.name, RESTORATIONS_MAX);
}

/* Gives those of the facts that may be restored once more; the others are left, and looked at again
 * when they may be. */
static unsigned take_limits(Manager *manager, Endpoint *endpoint, unsigned facts) {
        const uint64_t now = clock_now_usec();
        unsigned allowed = 0;

        for (EndpointFact fact = 0; fact < ENDPOINT_FACT_MAX; fact++) {
                if (!(facts & BIT(fact)))
                        continue;
                if (endpoint_may_restore(endpoint, fact, now))
                        allowed |= BIT(fact);
                else
                        reconciler_mark_at(manager->reconciler, &endpoint->check,
                                        endpoint_restores_next(endpoint, fact));
        }
        log_left(endpoint, facts & ~allowed & ~endpoint->left);
        return allowed;
}

static int restore_port(Manager *manager, Endpoint *endpoint, unsigned facts, Failure *failure) {
        const LinkPort wanted = to_be(manager, endpoint).port;
        LinkPort port = endpoint->now.port;
        int r;

        if (facts & BIT(ENDPOINT_FACT_ANTI_SPOOF)) {
                port.locked = true;
                port.learning = false;
        }
        if (facts & BIT(ENDPOINT_FACT_ISOLATED))
                port.isolated = true;
        if (facts & BIT(ENDPOINT_FACT_PORT)) {
                port.group_fwd_mask = wanted.group_fwd_mask;
                port.root_block = wanted.root_block;
                port.bpdu_guard = port.bpdu_guard || wanted.bpdu_guard;
        }
        r = bridge_set_port(manager->netlink, endpoint->now.ifindex, &port, failure);
        if (r >= 0) {
                LinkInfo now = endpoint->now;

                now.port = port;
                manager_follow(manager, endpoint, &now);
        }
        return r;
}

/* Clears the bit of the entry if it is not missing. */
static unsigned look_for_fdb_entry(Manager *manager, Endpoint *endpoint, unsigned facts) {
        if (!(facts & BIT(ENDPOINT_FACT_FDB_ENTRY)) || !has_fdb_entry(manager, endpoint))
                return facts;
        endpoint->check_fdb_entry = false;
        return facts & ~BIT(ENDPOINT_FACT_FDB_ENTRY);
}

static int set_group(Manager *manager, Endpoint *endpoint, uint32_t group, Failure *failure) {
        LinkInfo now = endpoint->now;
        int r;

        if (now.group == group)
                return 0;
        r = link_set_group(manager->netlink, now.ifindex, group, failure);
        now.group = group;
        if (r >= 0)
                manager_follow(manager, endpoint, &now);
        return r;
}

/* Sets the flags, then the entry of the MAC and, if it is held, the group that lets frames pass
 * last. */
static int restore(Manager *manager, Endpoint *endpoint, unsigned facts, unsigned *ret_left,
                Failure *failure) {
        const unsigned flags = BIT(ENDPOINT_FACT_ANTI_SPOOF) | BIT(ENDPOINT_FACT_ISOLATED) |
                        BIT(ENDPOINT_FACT_PORT);
        const bool is_held = group_is_held(endpoint->now.group),
                   is_unknown = !group_is_of_bridged_tap(endpoint->now.group);
        const bool tampered_recently = manager->tampered_usec > 0 &&
                        clock_now_usec() - manager->tampered_usec < RECENTLY_USEC;
        /* That a port without its filter forwards no reserved frames must not be undone by anybody.
         */
        const bool is_closed = to_be(manager, endpoint).port.group_fwd_mask == 0;
        const unsigned free_of_charge = (is_held ? BIT(ENDPOINT_FACT_GROUP) : 0) |
                        (tampered_recently ? BIT(ENDPOINT_FACT_FDB_ENTRY) : 0) |
                        (is_closed ? BIT(ENDPOINT_FACT_PORT) : 0);
        unsigned allowed = (facts & free_of_charge) |
                        take_limits(manager, endpoint, facts & ~free_of_charge);
        int r = 0;

        *ret_left = facts & ~allowed;
        /* It stays held while something is missing that should be there before its frames pass. */
        if (is_held && *ret_left) {
                allowed &= ~BIT(ENDPOINT_FACT_GROUP);
                *ret_left |= facts & BIT(ENDPOINT_FACT_GROUP);
        }
        /* The filter knows a tap on a bridge by its group, and without the filter its port must
         * forward no reserved frames. One that is held is known: its group holds frames back until
         * everything else is set. */
        if (is_unknown && allowed & BIT(ENDPOINT_FACT_GROUP))
                r = set_group(manager, endpoint, to_be(manager, endpoint).group, failure);
        if (r >= 0 && allowed & flags)
                r = restore_port(manager, endpoint, allowed & flags, failure);
        /* The entry belongs to the lock: a locked port without it hears nobody. */
        if (r >= 0 && allowed & (BIT(ENDPOINT_FACT_FDB_ENTRY) | BIT(ENDPOINT_FACT_ANTI_SPOOF))) {
                add_fdb_entry(manager, endpoint);
                endpoint->check_fdb_entry = false;
        }
        if (r >= 0 && allowed & BIT(ENDPOINT_FACT_GROUP))
                r = set_group(manager, endpoint, to_be(manager, endpoint).group, failure);
        if (r >= 0 && allowed && !manager->rejoining) {
                manager->restored++;
                strcpy(manager->last_restored, endpoint->now.name);
        }
        return r;
}

/* If the bridge still exists, somebody has taken the tap off it, and it is left off. */
static uint32_t held_group(Manager *manager, const Endpoint *endpoint) {
        const HostBridge *bridge = endpoint->bridge;

        if (endpoint->network)
                return held_tap_group(endpoint->network->ifindex);
        if (!bridge || bridge->ifindex == 0 || endpoint->now.group == TAP_GROUP_HELD)
                return TAP_GROUP_HELD;
        if (endpoint->now.group == TAP_GROUP_TAKEN_OFF)
                return TAP_GROUP_TAKEN_OFF;
        return endpoint->was_on == bridge->ifindex &&
                                        link_get(manager->netlink, bridge->ifindex,
                                                        &(LinkInfo){ 0 }, NULL) >= 0
                        ? TAP_GROUP_TAKEN_OFF
                        : TAP_GROUP_HELD;
}

static int hold(Manager *manager, Endpoint *endpoint, Failure *failure) {
        int r = set_group(manager, endpoint, held_group(manager, endpoint), failure);

        if (r >= 0 && endpoint->now.group == TAP_GROUP_HELD)
                manager_await_bridge(manager, endpoint);
        return r;
}

static int bring_together(Manager *manager, Endpoint *endpoint, Failure *failure) {
        unsigned facts, left = 0;
        int r = 0;

        if (was_moved(manager, endpoint))
                follow_move(manager, endpoint);
        if (endpoint->tag.is_older)
                complete_tag(manager, endpoint);
        follow_name(manager, endpoint);
        facts = differences(manager, endpoint);
        if (endpoint->now.is_bridge_port)
                facts = look_for_fdb_entry(manager, endpoint, facts);
        if (!endpoint->now.is_bridge_port && belongs_on_bridge(endpoint))
                r = hold(manager, endpoint, failure);
        else if (facts)
                r = restore(manager, endpoint, facts, &left, failure);
        endpoint->left = (endpoint->left & BIT(ENDPOINT_FACT_BRIDGE)) | left;
        return r;
}

static void reconcile(Reconcilable *thing);

/* Sets its check up, whose function is below. */
static void prepare_check(Manager *manager, Endpoint *endpoint) {
        endpoint->owner = manager;
        endpoint->check.reconcile = reconcile;
}

/* What the kernel has refused may work a little later, and no event will say when. */
static void try_again(Manager *manager, Endpoint *endpoint) {
        reconciler_mark_at(manager->reconciler, &endpoint->check,
                        clock_now_usec() + RESTORATIONS_USEC / RESTORATIONS_MAX);
}

static void look_and_bring_together(Manager *manager, Endpoint *endpoint) {
        Failure failure = FAILURE_INIT;
        LinkInfo now;

        prepare_check(manager, endpoint);
        /* The event may be outdated. If the link is gone, the kernel tells that as well. */
        if (link_get(manager->netlink, endpoint->now.ifindex, &now, NULL) < 0)
                return;
        manager_follow(manager, endpoint, &now);
        if (bring_together(manager, endpoint, &failure) < 0 &&
                        link_get(manager->netlink, endpoint->now.ifindex, &now, NULL) >= 0 &&
                        now.master == endpoint->now.master) {
                log_warning("Cannot bring the port of %s up to date: %s", endpoint->now.name,
                                failure.text);
                try_again(manager, endpoint);
        }
        manager_follow(manager, endpoint, &endpoint->now);
}

/* Runs also for what was left alone for a time, even if nothing else differs now. */
static void reconcile(Reconcilable *thing) {
        Endpoint *endpoint = container_of(thing, Endpoint, check);

        if (endpoint->state == ENDPOINT_LIVE)
                look_and_bring_together(endpoint->owner, endpoint);
}

void manager_reconcile(Manager *manager, Endpoint *endpoint) {
        if (endpoint->state == ENDPOINT_LIVE && differs(manager, endpoint))
                look_and_bring_together(manager, endpoint);
}

void manager_check(Manager *manager, Endpoint *endpoint) {
        if (endpoint->state != ENDPOINT_LIVE || !differs(manager, endpoint))
                return;
        prepare_check(manager, endpoint);
        reconciler_mark(manager->reconciler, &endpoint->check);
}

void manager_tell_restored(Manager *manager) {
        if (manager->restored == 1)
                log_warning("Somebody changed the port of %s, and it was put right",
                                manager->last_restored);
        else if (manager->restored > 1)
                log_warning("Somebody changed the ports of %u endpoints, and they were put right",
                                manager->restored);
        manager->restored = 0;
}
