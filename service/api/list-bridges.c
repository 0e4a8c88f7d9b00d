/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/list-bridges.h"
#include "taps/bridge-list.h"

#include <errno.h>
#include <string.h>

#include "api/network-interface.h"
#include "bus/bus-cleanup.h"
#include "bus/property.h"
#include "common/ifname.h"
#include "kernel/bridge.h"

/* The state of one ListBridges. */
typedef struct Listing {
        Service *service;
        Call *call;
        sd_bus_message *reply;
        bool pending;
        bool stale; /* polkit was not asked about an entry as it is now */
        Failure *failure;
} Listing;

static Fate fate_of_crossing(const Listing *listing, const LinkInfo *bridge) {
        return networks_fate_of_crossing(listing->service->networks, bridge->ifindex, bridge->name);
}

static void find_warnings(const Listing *listing, const LinkInfo *bridge, Warnings *ret,
                char words[static FIREWALL_SENTENCE_SIZE]) {
        const Fate crossing = fate_of_crossing(listing, bridge);

        if (!bridge_mac_is_pinned(bridge->name))
                warnings_add(ret, WARNING_BRIDGE_MAC,
                                "Nobody set its MAC address: it changes with the ports. vnicd sets it once it has both an endpoint and a port that is not vnicd's, or, if it has an IP address, when the next endpoint joins.");
        if (crossing.outcome == FATE_DROPPED)
                warnings_add(ret, WARNING_BR_NETFILTER,
                                firewall_bridge_sentence(&crossing, bridge->name, words));
}

static int append_undecided(const Listing *listing, const LinkInfo *bridge) {
        const Fate crossing = fate_of_crossing(listing, bridge);
        const char *chains[2] = { NULL };

        if (crossing.outcome == FATE_UNDECIDED)
                chains[0] = crossing.chain;
        return append_names(listing->reply, chains);
}

/* One entry of the list. */
typedef struct Entry {
        const ListedBridge *listed; /* if it is not there, only its name and MTU are valid */
        const LinkInfo *bridge;     /* of listed */
        const NetworkPlan *plan;    /* NULL: no network */
        const Network *network;     /* NULL: none, or not up */
        bool shared;                /* it has a foreign port, and counts as a bridge of the host */
        AccessAnswer access;
        Warnings warnings;
        char words[FIREWALL_SENTENCE_SIZE]; /* of one of them */
} Entry;

/* A network that is not up has no problems. */
static int append_nothing(sd_bus_message *reply) {
        static const char *const none[] = { NULL };

        return append_names(reply, none);
}

static void find_entry_warnings(const Listing *listing, Entry *entry) {
        if (entry->network)
                network_find_warnings(
                                listing->service, entry->network, &entry->warnings, entry->words);
        else if (!entry->plan)
                find_warnings(listing, entry->bridge, &entry->warnings, entry->words);
}

static int append_entry_warnings(const Listing *listing, const Entry *entry) {
        return append_names(listing->reply, entry->warnings.sentences);
}

static int append_entry_codes(const Listing *listing, const Entry *entry) {
        return append_names(listing->reply, entry->warnings.codes);
}

static int append_entry_undecided(const Listing *listing, const Entry *entry) {
        if (entry->network)
                return network_append_undecided(listing->reply, listing->service, entry->network);
        return entry->plan ? append_nothing(listing->reply)
                           : append_undecided(listing, entry->bridge);
}

static int append_words(sd_bus_message *reply, const List *words) {
        int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "s");

        LIST_FOREACH(words, node)
                if (r >= 0)
                        r = sd_bus_message_append(
                                        reply, "s", container_of(node, BridgeWord, link)->text);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_uplinks(const Listing *listing, const Entry *entry) {
        return append_words(listing->reply, &entry->listed->uplinks);
}

static int append_addresses(const Listing *listing, const Entry *entry) {
        return append_words(listing->reply, &entry->listed->addresses);
}

/* {key: as} */
static int append_strings(const Listing *listing, const Entry *entry, const char *key,
                int (*append)(const Listing *listing, const Entry *entry)) {
        sd_bus_message *reply = listing->reply;
        int r;

        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, SD_BUS_TYPE_VARIANT, "as");
        if (r >= 0)
                r = append(listing, entry);
        for (unsigned i = 0; i < 2 && r >= 0; i++) /* variant, entry */
                r = sd_bus_message_close_container(reply);
        return r;
}

static const char *access_word(AccessAnswer answer) {
        return answer == ACCESS_YES ? "yes" : answer == ACCESS_CHALLENGE ? "challenge" : "no";
}

/* The words of the definition in force, which may be newer than the network. */
static const char *description_of(const Listing *listing, const NetworkPlan *plan) {
        const NetworkPlan *defined =
                        plan ? config_network(listing->service->config, plan->name) : NULL;

        return defined ? defined->description : "";
}

static bool is_default(const Listing *listing, const NetworkPlan *plan) {
        const char *name = service_default_network(listing->service);

        return plan && name && strcmp(plan->name, name) == 0;
}

static int append_entry(const Listing *listing, const Entry *entry) {
        static const struct {
                const char *key;
                int (*append)(const Listing *listing, const Entry *entry);
        } lists[] = {
                { "warnings", append_entry_warnings },
                { "warning_codes", append_entry_codes },
                { "undecided_filters", append_entry_undecided },
                { "uplinks", append_uplinks },
                { "addresses", append_addresses },
        };
        const NetworkPlan *plan = entry->plan;
        sd_bus_message *reply = listing->reply;
        int r;

        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s",
                        entry->bridge->name, "kind", "s",
                        plan && !entry->shared ? network_kind_name(plan->kind) : "bridge", "access",
                        "s", access_word(entry->access), "polkit_answered", "b",
                        (int)(entry->access != ACCESS_UNAVAILABLE), "mtu", "u", entry->bridge->mtu,
                        "ports", "u", (uint32_t)entry->listed->ports.all, "ports_max", "u",
                        plan ? plan->ports_max : (uint32_t)BRIDGE_PORTS_MAX, "description", "s",
                        description_of(listing, plan), "default", "b", is_default(listing, plan),
                        "up", "b", entry->listed->up);
        for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && r >= 0; i++)
                r = append_strings(listing, entry, lists[i].key, lists[i].append);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int list_entry(Listing *listing, Entry *entry, const AccessRequest *access) {
        int r;

        r = access_query(listing->service->access, listing->call, access, &entry->access,
                        listing->failure);
        if (r == -ESTALE) {
                *listing->failure = FAILURE_INIT;
                listing->stale = true;
                return 0;
        }
        if (r < 0)
                return r;
        listing->pending = listing->pending || r == 0;
        if (listing->pending)
                return 0;
        find_entry_warnings(listing, entry);
        return append_entry(listing, entry);
}

static int list_bridge(const ListedBridge *listed, void *userdata) {
        const LinkInfo *bridge = &listed->bridge;
        Listing *listing = userdata;
        const Network *network = networks_of_bridge(listing->service->networks, bridge);
        Entry entry = {
                .listed = listed,
                .bridge = bridge,
                .network = network,
                .plan = network ? &network->tag.plan : NULL,
                .shared = network && listed->ports.foreign > 0,
        };
        const AccessRequest access = {
                .bridge = bridge->name,
                .network = network && !entry.shared,
                .generation = (uint64_t)bridge->ifindex,
        };

        /* Leaves out names that CreateTap would not accept. */
        if (!ifname_is_plain(bridge->name) || (network && network_is_ending(network)))
                return 0;
        return list_entry(listing, &entry, &access);
}

/* Whether it can come up: no other interface has its name, or only its own bridge, which is going.
 */
static bool is_down(const Listing *listing, const NetworkPlan *plan) {
        const Network *network = networks_find(listing->service->networks, plan->name);

        return network ? network_is_ending(network)
                       : networks_check_name(listing->service->networks, plan->name, NULL) >= 0;
}

/* Lists networks that the configuration defines and that are not up. */
static int list_defined(Listing *listing) {
        const Config *config = listing->service->config;
        const NetworkPlan *plan;
        int r = 0;

        for (size_t i = 0; r >= 0 && (plan = config_network_at(config, i)); i++) {
                ListedBridge listed = { .bridge.mtu = plan->mtu };
                Entry entry = { .listed = &listed, .bridge = &listed.bridge, .plan = plan };
                const AccessRequest access = { .bridge = plan->name, .network = true };

                if (!is_down(listing, plan))
                        continue;
                list_init(&listed.uplinks);
                list_init(&listed.addresses);
                strcpy(listed.bridge.name, plan->name);
                r = list_entry(listing, &entry, &access);
        }
        return r;
}

static int list_all(Listing *listing, sd_bus_message *message, sd_bus_message **ret) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        int r;

        listing->stale = false;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "a{sv}");
        if (r < 0)
                return r;
        listing->reply = reply;
        r = manager_list_bridges(listing->service->manager, list_bridge, listing, listing->failure);
        if (r >= 0)
                r = list_defined(listing);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        *ret = r >= 0 ? TAKE_PTR(reply) : NULL;
        return r;
}

/* A bridge that has come, or a network that has come up or down, while polkit was asked about the
 * others is asked about once more: left out, it would be taken for one that has gone. */
static int list_bridges(Listing *listing, sd_bus_message *message) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL, *again = NULL;
        int r;

        r = access_call(listing->service->access, message, &listing->call, listing->failure);
        if (r < 0)
                return r;
        r = access_may_ask(listing->call, listing->failure);
        if (r < 0)
                return r;
        r = list_all(listing, message, &reply);
        if (r >= 0 && listing->stale && authorization_ask_again(&listing->call->authorization))
                r = list_all(listing, message, &again);
        if (r < 0 || listing->pending)
                return r;
        return sd_bus_message_send(again ? again : reply);
}

int method_list_bridges(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        Listing listing = { .service = userdata, .failure = &failure };
        int r = list_bridges(&listing, message);

        /* It may have asked about some already. */
        if (r < 0 && listing.call)
                authorization_reset(&listing.call->authorization);

        return error_answer(error, &failure, r);
}
