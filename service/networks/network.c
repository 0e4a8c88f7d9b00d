/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/address.h"
#include "kernel/bridge.h"
#include "kernel/checksum.h"
#include "kernel/device-settings.h"
#include "kernel/filter.h"
#include "networks/network-address.h"
#include "networks/network-filter.h"
#include "networks/network-service.h"

DEFINE_CLEANUP(Network, network_free)
DEFINE_CLEANUP(Netlink, netlink_close)

int network_new(Network **ret, const NetworkTag *tag) {
        _cleanup_(network_freep) Network *network = calloc(1, sizeof(Network));
        int r;

        if (!network)
                return -ENOMEM;
        list_init(&network->link);
        list_init(&network->bridge.link);
        list_init(&network->foreign);
        list_init(&network->endpoints);
        list_init(&network->waiters);
        lease_book_init(&network->leases);
        list_init(&network->filter_waiters);
        network->tag = *tag;
        r = quota_new(&network->ports_of_users);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(network);
        return 0;
}

Network *network_free(Network *network) {
        if (!network)
                return NULL;
        list_unlink(&network->link);
        reconciler_forget(&network->lease_end);
        lease_book_done(&network->leases);
        leases_done(&network->given);
        reconciler_forget(&network->filters.reconcilable);
        sd_event_source_disable_unref(network->idle);
        if (network->ports_of_users)
                quota_free(network->ports_of_users);
        network_forget_ports(network);
        list_unlink(&network->bridge.link);
        for (size_t i = 0; i < NETWORK_WARNING_MAX; i++)
                free(network->warnings[i]);
        free(network);
        return NULL;
}

int network_set_state(Network *network, NetworkState state) {
        static const unsigned successors[NETWORK_STATE_MAX] = {
                [NETWORK_CREATING] =
                                1U << NETWORK_LIVE | 1U << NETWORK_DRAINING | 1U << NETWORK_GONE,
                [NETWORK_LIVE] = 1U << NETWORK_DRAINING | 1U << NETWORK_GONE,
                [NETWORK_DRAINING] =
                                1U << NETWORK_LIVE | 1U << NETWORK_DELETING | 1U << NETWORK_GONE,
                [NETWORK_DELETING] = 1U << NETWORK_DRAINING | 1U << NETWORK_GONE,
        };

        if (!(successors[network->state] & 1U << state)) {
                log_error("The network %s cannot go from state %u to %u; this is a bug",
                                network->tag.plan.name, network->state, state);
                return -EINVAL;
        }
        network->state = state;
        network->was_live |= state == NETWORK_LIVE;
        return 0;
}

bool network_is_up(const Network *network) {
        return network->ifindex > 0 && !network_is_ending(network);
}

bool network_is_ending(const Network *network) {
        return network->state >= NETWORK_DRAINING;
}

int network_warn(Network *network, NetworkWarning warning, const char *sentence) {
        char **old = &network->warnings[warning], *copy = NULL;

        if (*old && sentence ? strcmp(*old, sentence) == 0 : *old == sentence)
                return 0;
        if (sentence) {
                copy = strdup(sentence);
                if (!copy)
                        return -ENOMEM;
        }
        free(*old);
        *old = copy;
        network->warnings_changed |= 1U << warning;
        return 1;
}

void network_forget_ports(Network *network) {
        LIST_FOREACH_SAFE(&network->foreign, node) {
                ForeignPort *port = container_of(node, ForeignPort, on_network);

                list_unlink(&port->link.link);
                list_unlink(node);
                free(port);
        }
        network->n_foreign = 0;
}

/* One setup under way. */
typedef struct SetupContext {
        Network *network;
        Netlink *netlink;
        Failure *failure;
        bool is_new;   /* else it exists, and is completed */
        bool chose_v6; /* nobody has asked for its IPv6 address */
} SetupContext;

static int choose_addresses(SetupContext *setup) {
        NetworkPlan *plan = &setup->network->tag.plan;

        setup->chose_v6 = plan->v6_prefix == 0;
        return network_choose_addresses(setup->netlink, plan, setup->failure);
}

static int refuse_name(SetupContext *setup) {
        return failure_set(setup->failure, FAILURE_NAME_TAKEN, EEXIST,
                        "There is an interface \"%s\" on this host that is not vnicd's, so no network can have this name. Rename one of them.",
                        setup->network->tag.plan.name);
}

static int make_bridge(SetupContext *setup) {
        Network *network = setup->network;
        const BridgeSettings settings = {
                .name = network->tag.plan.name,
                .mac = network_mac(network->tag.plan.name),
                .mtu = network->tag.plan.mtu,
                .group = NETWORK_GROUP,
        };
        LinkInfo link;
        int r;

        r = bridge_create(setup->netlink, &settings, setup->failure);
        if (r == -EEXIST)
                return refuse_name(setup);
        if (r >= 0)
                r = link_get_by_name(setup->netlink, settings.name, &link, setup->failure);
        if (r < 0)
                return r;
        network->ifindex = link.ifindex;
        network->mac = link.mac;
        return 0;
}

static int refuse_v6(SetupContext *setup) {
        return failure_set(setup->failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                        "New interfaces of this host have no IPv6 (net.ipv6.conf.default.disable_ipv6), so the network cannot have the address that it is to have. Leave the IPv6 address out, or set that to 0.");
}

/* Whether the host lets it have IPv6 is known only when the device exists. */
static int leave_out_what_the_host_has_not(SetupContext *setup) {
        NetworkPlan *plan = &setup->network->tag.plan;
        DeviceSettings settings;
        int r = 0;

        if (plan->v6_prefix > 0)
                r = device_settings_get(
                                setup->netlink, setup->network->ifindex, &settings, setup->failure);
        if (r < 0)
                return r;
        if (plan->v6_prefix > 0 && !settings.ipv6) {
                if (!setup->chose_v6)
                        return refuse_v6(setup);
                plan->v6_prefix = 0;
                plan->v6_left_out = true;
        }
        setup->network->tag.guard_v6 = setup->network->tag.guard_v6 && plan->v6_prefix > 0;
        return 0;
}

/* From the tag on the bridge is ours, whatever happens to this process. */
static int tag_bridge(SetupContext *setup) {
        const Network *network = setup->network;
        char tag[NETWORK_TAG_SIZE];
        const LinkSettings settings = {
                .alias = network_tag_format(&network->tag, tag),
                .mac = network->mac,
        };

        return link_configure(setup->netlink, network->ifindex, &settings, setup->failure);
}

void network_filter_tables(const char *name, char buffer[static NETWORK_TABLE_SIZE],
                FilterTable ret[static NETWORK_TABLES]) {
        snprintf(buffer, NETWORK_TABLE_SIZE, NETWORK_TABLE_PREFIX "%s", name);
        ret[0] = (FilterTable){ FILTER_FAMILY_BRIDGE, buffer };
        ret[1] = (FilterTable){ FILTER_FAMILY_INET, buffer };
}

/* Read at once, so that later changes by others are noticed. */
static uint64_t read_filters(const char *name) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        FilterTable tables[NETWORK_TABLES];
        char buffer[NETWORK_TABLE_SIZE];
        uint64_t digest = 0;

        network_filter_tables(name, buffer, tables);
        if (netlink_open(&netlink, NETLINK_NETFILTER) >= 0)
                (void)filter_guard_read(netlink, tables, NETWORK_TABLES, &digest);
        return digest;
}

int network_make_filters(const NetworkPlan *plan, int bridge, const Mac *mac, bool replace,
                uint64_t *ret, Failure *failure) {
        _cleanup_free_ char *rules = NULL, *removal = NULL;
        int r;

        *ret = 0;
        r = network_filter_rules(plan, bridge, mac, &rules);
        if (r >= 0)
                r = network_filter_removal(plan->name, &removal);
        if (r >= 0)
                r = replace ? filter_replace(rules, removal, failure)
                            : filter_create(rules, removal, failure);
        if (r >= 0)
                *ret = read_filters(plan->name);
        return r;
}

static int make_filters(SetupContext *setup) {
        Network *network = setup->network;
        uint64_t digest;
        int r = network_make_filters(&network->tag.plan, network->ifindex, &network->mac,
                        !setup->is_new, &digest, setup->failure);

        if (r >= 0)
                filter_guard_take(&network->filters, digest);
        return r;
}

/* A kernel that cannot log accepts the filters without that. */
static int set_filters(SetupContext *setup) {
        NetworkPlan *plan = &setup->network->tag.plan;
        int r = make_filters(setup);

        if (r != -EOPNOTSUPP || !plan->tells_sources)
                return r;
        plan->tells_sources = false;
        return make_filters(setup);
}

static int give_v6(SetupContext *setup, const struct in6_addr *address) {
        const NetworkPlan *plan = &setup->network->tag.plan;

        return address_add_v6(setup->netlink, setup->network->ifindex, address, plan->v6_prefix,
                        setup->failure);
}

/* Guests know the host by fe80::1, whichever other addresses it has. */
static int give_addresses(SetupContext *setup) {
        static const struct in6_addr link_local = { { { 0xfe, 0x80, [15] = 1 } } };
        const NetworkPlan *plan = &setup->network->tag.plan;
        int r = 0;

        if (plan->v4_prefix > 0)
                r = address_add_v4(setup->netlink, setup->network->ifindex, plan->v4,
                                plan->v4_prefix, setup->failure);
        if (r >= 0 && plan->v6_prefix > 0)
                r = give_v6(setup, &link_local);
        if (r >= 0 && plan->v6_prefix > 0)
                r = give_v6(setup, &plan->v6);
        /* If the host has lost IPv6 since, an existing network keeps everything else. */
        if (!setup->is_new && (r == -EACCES || r == -EOPNOTSUPP || r == -EAFNOSUPPORT))
                return 0;
        return r;
}

static int bring_up(SetupContext *setup) {
        return link_set_up(setup->netlink, setup->network->ifindex, setup->failure);
}

bool network_sends_replies(const Network *network) {
        return network->tag.plan.dhcp && network_service_is_needed(&network->tag.plan);
}

int network_fill_checksums(Network *network, Netlink *netlink) {
        Failure failure = FAILURE_INIT;
        char sentence[512];
        int r;

        if (!network_sends_replies(network))
                return 0;
        r = checksum_fill_replies(netlink, network->ifindex, &network->checksum_device, &failure);
        if (r == -ENOMEM)
                return r;
        snprintf(sentence, sizeof(sentence),
                        "DHCP replies have no checksum for guests with checksum offload, and old DHCP clients and boot ROMs drop them. %s.",
                        failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        r = network_warn(network, NETWORK_WARNING_CHECKSUMS, r < 0 ? sentence : NULL);
        return r < 0 ? r : 0;
}

static int fill_checksums(SetupContext *setup) {
        return network_fill_checksums(setup->network, setup->netlink);
}

static int tell_what_was_left_out(SetupContext *setup) {
        int r = 0;

        if (setup->network->tag.plan.v6_left_out)
                r = network_warn(setup->network, NETWORK_WARNING_NO_IPV6,
                                "The host had no IPv6 for a new interface when the network came up (net.ipv6.conf.default.disable_ipv6=1, or a kernel without), so it has IPv4 only. Switch IPv6 on and let the network come up anew, or give it IPv4 addresses only in its definition.");
        return r < 0 ? r : 0;
}

typedef int (*Step)(SetupContext *setup);

/* Each list ends with NULL. */
static const Step until_tag[] = { choose_addresses, make_bridge, leave_out_what_the_host_has_not,
        tag_bridge, NULL };
static const Step after_tag[] = { set_filters, fill_checksums, give_addresses, bring_up,
        tell_what_was_left_out, NULL };

static int take_steps(const Step *steps, SetupContext *setup) {
        int r = 0;

        for (; *steps && r >= 0; steps++)
                r = (*steps)(setup);
        return r;
}

int network_complete(Network *network, Netlink *netlink, Failure *failure) {
        SetupContext setup = { network, netlink, failure, false, false };

        return take_steps(after_tag, &setup);
}

int network_setup(Network *network, Netlink *netlink, Failure *failure) {
        SetupContext setup = { network, netlink, failure, true, false };
        int r = take_steps(until_tag, &setup);

        return r < 0 ? r : take_steps(after_tag, &setup);
}

int network_write_tag(Network *network, Netlink *netlink, Failure *failure) {
        char tag[NETWORK_TAG_SIZE];

        return link_set_alias(
                        netlink, network->ifindex, network_tag_format(&network->tag, tag), failure);
}

int network_remove_filters(const char *name, Failure *failure) {
        _cleanup_free_ char *removal = NULL;
        int r = network_filter_removal(name, &removal);

        return r < 0 ? r : filter_apply(removal, failure);
}

typedef struct BridgeDeletion {
        WorkersJob job;
        int ifindex, error;
        bool with_device;
        network_deleted_t done;
        void *userdata;
} BridgeDeletion;

/* In a thread. */
static int delete_if_ours(const BridgeDeletion *deletion) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        LinkInfo link;
        int r;

        r = netlink_open(&netlink, NETLINK_ROUTE);
        if (r >= 0)
                r = link_get(netlink, deletion->ifindex, &link, NULL);
        if (r < 0)
                return r;
        if (strcmp(link.kind, "bridge") != 0 || link.group != NETWORK_GROUP)
                return -ESTALE;
        if (deletion->with_device)
                (void)checksum_delete_device(netlink);
        return link_delete(netlink, link.ifindex, NULL);
}

static void run(WorkersJob *job) {
        BridgeDeletion *deletion = container_of(job, BridgeDeletion, job);

        deletion->error = delete_if_ours(deletion);
}

static void done(WorkersJob *job) {
        _cleanup_free_ BridgeDeletion *deletion = container_of(job, BridgeDeletion, job);

        deletion->done(deletion->userdata, deletion->ifindex, deletion->error);
}

int network_delete_bridge(const Network *network, bool with_device, Workers *workers,
                network_deleted_t on_done, void *userdata) {
        BridgeDeletion *deletion = calloc(1, sizeof(BridgeDeletion));

        if (!deletion)
                return -ENOMEM;
        *deletion = (BridgeDeletion){
                .job = { .run = run, .done = done },
                .ifindex = network->ifindex,
                .with_device = with_device,
                .done = on_done,
                .userdata = userdata,
        };
        workers_submit(workers, &deletion->job);
        return 0;
}
