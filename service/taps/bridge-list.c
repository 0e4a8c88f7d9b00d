/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/bridge-list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/log.h"
#include "common/printable.h"
#include "kernel/address.h"
#include "networks/network-filters.h"
#include "networks/network-leases.h"
#include "networks/networks.h"
#include "taps/bridge-ports.h"
#include "taps/manager-private.h"

/* A port of any other kind leads out of the host: a network card has no kind, and bonds, VLANs and
 * tunnels have theirs. */
static bool leads_nowhere(const LinkInfo *link) {
        static const char *const kinds[] = { "tun", "veth", "netkit", "dummy" };

        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
                if (strcmp(link->kind, kinds[i]) == 0)
                        return true;
        return false;
}

/* The list */

/* A port may be seen before its bridge, of which only the ifindex is known then, and no name. */
typedef struct BridgeList {
        Manager *manager;
        List entries; /* ListedBridge.link */
        void *by_ifindex;
} BridgeList;

static int compare_ifindex(const void *a, const void *b) {
        const ListedBridge *x = a, *y = b;

        return (x->bridge.ifindex > y->bridge.ifindex) - (x->bridge.ifindex < y->bridge.ifindex);
}

static void free_words(List *words) {
        LIST_FOREACH_SAFE(words, node) {
                list_unlink(node);
                free(container_of(node, BridgeWord, link));
        }
}

static void forget_all(BridgeList *list) {
        LIST_FOREACH_SAFE(&list->entries, node) {
                ListedBridge *entry = container_of(node, ListedBridge, link);

                tdelete(entry, &list->by_ifindex, compare_ifindex);
                list_unlink(&entry->link);
                free_words(&entry->uplinks);
                free_words(&entry->addresses);
                free(entry);
        }
}

static ListedBridge *find_entry(const BridgeList *list, int ifindex) {
        const ListedBridge key = { .bridge.ifindex = ifindex };
        ListedBridge *const *found = tfind(&key, &list->by_ifindex, compare_ifindex);

        return found ? *found : NULL;
}

/* Makes it if there is none. NULL: out of memory. */
static ListedBridge *entry_of(BridgeList *list, int ifindex) {
        ListedBridge *entry = find_entry(list, ifindex);

        if (entry)
                return entry;
        entry = calloc(1, sizeof(ListedBridge));
        if (!entry)
                return NULL;
        entry->bridge.ifindex = ifindex;
        if (!tsearch(entry, &list->by_ifindex, compare_ifindex)) {
                free(entry);
                return NULL;
        }
        list_init(&entry->uplinks);
        list_init(&entry->addresses);
        list_append(&list->entries, &entry->link);
        return entry;
}

static int add_word(List *words, const char *text) {
        BridgeWord *word = calloc(1, sizeof(BridgeWord));

        if (!word)
                return -ENOMEM;
        snprintf(word->text, sizeof(word->text), "%s", text);
        (void)printable(word->text);
        list_append(words, &word->link);
        return 0;
}

static int count_port(const BridgeList *list, ListedBridge *entry, const LinkInfo *port) {
        entry->ports.all++;
        entry->ports.foreign += !manager_owns_port(list->manager, port);
        if (!port->is_bridge_port || leads_nowhere(port))
                return 0;
        entry->carrier = entry->carrier || port->flags & IFF_RUNNING;
        return add_word(&entry->uplinks, port->name);
}

static int count_link(const LinkInfo *link, void *userdata) {
        BridgeList *list = userdata;
        ListedBridge *entry;

        if (strcmp(link->kind, "bridge") == 0) {
                entry = entry_of(list, link->ifindex);
                if (!entry)
                        return -ENOMEM;
                entry->bridge = *link;
        }
        if (link->master > 0 && !lease_end_is_port(link)) {
                entry = entry_of(list, link->master);
                return entry ? count_port(list, entry, link) : -ENOMEM;
        }
        return 0;
}

static int add_addresses(BridgeList *list, Failure *failure) {
        _cleanup_(address_list_done) AddressList all = { .addresses = NULL };
        char text[INET6_ADDRSTRLEN], address[NETWORK_ADDRESS_SIZE];
        int r = address_list_read(&all, list->manager->netlink, failure);

        for (size_t i = 0; i < all.n && r >= 0; i++) {
                const AddressInfo *one = &all.addresses[i];
                ListedBridge *entry = one->wide ? find_entry(list, one->ifindex) : NULL;

                if (!entry)
                        continue;
                snprintf(address, sizeof(address), "%s/%u",
                                inet_ntop(one->family, &one->local, text, sizeof(text)),
                                one->prefix);
                r = add_word(&entry->addresses, address);
        }
        return r;
}

static int add_devices(Manager *manager, ListedBridge *entry, const DeviceSet *devices,
                const DeviceSet *listed) {
        char name[IFNAMSIZ];
        int r = 0;

        for (size_t i = 0; i < devices->n && r >= 0; i++)
                if ((!listed || !device_set_has(listed, devices->ifindexes[i])) &&
                                *link_name(manager->netlink, devices->ifindexes[i], name))
                        r = add_word(&entry->uplinks, name);
        return r;
}

static int complete(Manager *manager, ListedBridge *entry) {
        const Network *network = networks_of_bridge(manager->networks, &entry->bridge);
        const Egress *egress = networks_egress(manager->networks);
        int r;

        entry->up = entry->bridge.flags & IFF_UP &&
                        (entry->carrier || list_is_empty(&entry->uplinks));
        /* With a foreign port it is shown as a bridge of the host, whose uplinks are ports. */
        if (!network || network->tag.plan.kind != NETWORK_NAT || entry->ports.foreign > 0 ||
                        !egress)
                return 0;
        r = add_devices(manager, entry, &egress->v4, NULL);
        return r >= 0 && network->tag.plan.v6_prefix > 0
                        ? add_devices(manager, entry, &egress->v6, &egress->v4)
                        : r;
}

int manager_list_bridges(
                Manager *manager, manager_bridge_t each, void *userdata, Failure *failure) {
        _cleanup_(forget_all) BridgeList list = { .manager = manager };
        int r = -EINTR;

        list_init(&list.entries);
        UNTIL_DUMP_IS_WHOLE(r) {
                forget_all(&list);
                r = link_dump(manager->netlink, count_link, &list, failure);
        }
        if (r >= 0)
                r = add_addresses(&list, failure);
        LIST_FOREACH(&list.entries, node) {
                ListedBridge *entry = container_of(node, ListedBridge, link);

                if (r < 0 || *entry->bridge.name == '\0')
                        continue;
                r = complete(manager, entry);
                if (r >= 0)
                        r = each(entry, userdata);
        }
        return r;
}

/* The watch */

/* What is shown of a bridge or of a port that leads out, or changes what is shown. */
typedef struct Shown {
        bool is_bridge;
        bool up; /* a bridge is set up; a port has a carrier */
        char name[IFNAMSIZ];
        uint32_t mtu, group; /* of a bridge; a network is known by its group */
        int bridge;          /* of which it is a port; 0: none */
} Shown;

/* A bridge, or a link that can lead out of one, port or not. */
typedef struct SeenLink {
        IfindexEntry entry;
        List link; /* BridgeWatch.links */
        unsigned seen_in;
        Shown shown;
} SeenLink;

static SeenLink *find_seen(const Manager *manager, int ifindex) {
        IfindexEntry *entry = ifindex_map_find(&manager->bridge_watch.by_ifindex, ifindex);

        return entry ? container_of(entry, SeenLink, entry) : NULL;
}

static Shown describe(const LinkInfo *link) {
        const bool is_bridge = strcmp(link->kind, "bridge") == 0;
        Shown shown = {
                .is_bridge = is_bridge,
                .up = link->flags & (is_bridge ? IFF_UP : IFF_RUNNING),
                .mtu = is_bridge ? link->mtu : 0,
                .group = is_bridge ? link->group : 0,
                .bridge = link->is_bridge_port ? link->master : 0,
        };

        strcpy(shown.name, link->name);
        return shown;
}

static bool is_same(const Shown *a, const Shown *b) {
        return strcmp(a->name, b->name) == 0 && a->up == b->up && a->mtu == b->mtu &&
                        a->group == b->group && a->bridge == b->bridge;
}

/* A bridge that is going with its network is not shown any more, unless somebody has taken it over.
 */
static bool is_ending(const Manager *manager, const Shown *shown, int ifindex) {
        const Network *network = networks_at(manager->networks, ifindex);

        return shown->group == NETWORK_GROUP && network && network_is_ending(network);
}

static bool is_way_out(const Manager *manager, int ifindex) {
        const Egress *egress = networks_egress(manager->networks);

        return egress &&
                        (device_set_has(&egress->v4, ifindex) ||
                                        device_set_has(&egress->v6, ifindex));
}

static bool is_listed(const Manager *manager, const Shown *shown, int ifindex) {
        if (shown->is_bridge)
                return ifname_is_plain(shown->name) && !is_ending(manager, shown, ifindex);
        return shown->bridge > 0 || is_way_out(manager, ifindex);
}

static void tell_later(Manager *manager) {
        if (manager->state == MANAGER_RUNNING)
                debounce_later(manager->bridge_watch.due, DEBOUNCE_USEC);
}

static void touch(Manager *manager) {
        manager->bridge_watch.changed = manager->state == MANAGER_RUNNING;
        tell_later(manager);
}

static void touch_addresses(Manager *manager) {
        manager->bridge_watch.addresses_touched = true;
        tell_later(manager);
}

/* A network that begins to end takes its addresses with it. */
void manager_touch_bridges(Manager *manager) {
        touch(manager);
        touch_addresses(manager);
}

static void forget_seen(SeenLink *seen) {
        list_unlink(&seen->entry.link);
        list_unlink(&seen->link);
        free(seen);
}

static void see_gone(Manager *manager, SeenLink *seen) {
        if (is_listed(manager, &seen->shown, seen->entry.ifindex))
                touch(manager);
        forget_seen(seen);
}

/* Without memory, each event counts as a change. */
static SeenLink *remember(Manager *manager, int ifindex) {
        SeenLink *seen = calloc(1, sizeof(SeenLink));

        if (!seen)
                return NULL;
        ifindex_map_add(&manager->bridge_watch.by_ifindex, &seen->entry, ifindex);
        list_append(&manager->bridge_watch.links, &seen->link);
        return seen;
}

static void see_present(Manager *manager, const LinkInfo *link, SeenLink *seen) {
        const Shown now = describe(link);

        if ((!seen || !is_same(&seen->shown, &now)) &&
                        (is_listed(manager, &now, link->ifindex) ||
                                        (seen && is_listed(manager, &seen->shown, link->ifindex))))
                touch(manager);
        if (!seen)
                seen = remember(manager, link->ifindex);
        if (!seen)
                return;
        seen->seen_in = manager->resyncs;
        seen->shown = now;
}

void manager_see_listed(Manager *manager, const LinkInfo *link, LinkEvent event) {
        SeenLink *seen = find_seen(manager, link->ifindex);

        if (event == LINK_IS && (!leads_nowhere(link) || is_way_out(manager, link->ifindex)))
                see_present(manager, link, seen);
        else if (event == LINK_GONE && seen)
                see_gone(manager, seen);
        else if (event == LINK_ADDRESS && seen && seen->shown.is_bridge &&
                        is_listed(manager, &seen->shown, link->ifindex))
                touch_addresses(manager);
}

void manager_sweep_listed(Manager *manager) {
        LIST_FOREACH_SAFE(&manager->bridge_watch.links, node) {
                SeenLink *seen = container_of(node, SeenLink, link);

                if (seen->seen_in != manager->resyncs)
                        see_gone(manager, seen);
        }
        touch_addresses(manager);
}

/* FNV-1a. */
static uint64_t mix(uint64_t digest, const void *data, size_t size) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++)
                digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
        return digest;
}

/* The kernel may report them in any order. */
static int sum_addresses(Manager *manager, uint64_t *ret) {
        _cleanup_(address_list_done) AddressList all = { .addresses = NULL };
        int r = address_list_read(&all, manager->netlink, NULL);
        uint64_t sum = 0;

        for (size_t i = 0; i < all.n && r >= 0; i++) {
                const AddressInfo *one = &all.addresses[i];
                const SeenLink *seen = find_seen(manager, one->ifindex);
                uint64_t digest = UINT64_C(0xcbf29ce484222325);

                if (!one->wide || !seen || !seen->shown.is_bridge ||
                                is_ending(manager, &seen->shown, one->ifindex))
                        continue;
                digest = mix(digest, &one->ifindex, sizeof(one->ifindex));
                digest = mix(digest, &one->prefix, sizeof(one->prefix));
                digest = mix(digest, &one->local,
                                one->family == AF_INET ? sizeof(one->local.v4)
                                                       : sizeof(one->local.v6));
                sum += digest;
        }
        *ret = sum;
        return r;
}

/* Whether those of bridges differ from what was told. An event about an address may only renew it,
 * as DHCP and router advertisements do. */
static bool addresses_differ(Manager *manager) {
        BridgeWatch *watch = &manager->bridge_watch;
        const uint64_t before = watch->addresses;
        int r = sum_addresses(manager, &watch->addresses);

        if (r < 0)
                log_warning("Cannot look at the addresses of bridges, and take them for changed: %s",
                                strerror(-r));
        return r < 0 || watch->addresses != before;
}

static void tell(void *userdata) {
        Manager *manager = userdata;
        BridgeWatch *watch = &manager->bridge_watch;

        if (watch->addresses_touched)
                watch->changed |= addresses_differ(manager);
        watch->addresses_touched = false;
        if (!watch->changed)
                return;
        watch->changed = false;
        manager->observer->bridges_changed(manager->userdata);
}

int manager_watch_bridges(Manager *manager, sd_event *event) {
        ifindex_map_init(&manager->bridge_watch.by_ifindex);
        return debounce_new(&manager->bridge_watch.due, event, tell, manager);
}

void manager_begin_bridge_list(Manager *manager) {
        (void)addresses_differ(manager);
        manager->bridge_watch.addresses_touched = false;
}

void manager_leave_bridges(Manager *manager) {
        debounce_free(manager->bridge_watch.due);
        LIST_FOREACH_SAFE(&manager->bridge_watch.links, node)
                forget_seen(container_of(node, SeenLink, link));
}
