/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lease ends with its endpoint: the lease books of networks follow the endpoints, and leases that
 * are due end a moment later, together for all guests that left in that moment: by then dnsmasq has
 * read what a guest sent last.
 *
 * A lease ends before its time when its guest gives it back (DHCPRELEASE, RFC 2131). vnicd does
 * that for a guest that is gone, as the guest would have: by a tap of its own, which is a port of
 * the network for some milliseconds, and a frame from there to the bridge. So it needs no right
 * that it does not need for taps, and nothing of the service that gives the leases. An address that
 * passes on to a guest of the same label is requested for its new MAC at once. All of this runs off
 * the loop.
 */
#include "networks/network-leases.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "kernel/filter-element.h"
#include "kernel/tap.h"
#include "networks/dhcp-frame.h"
#include "networks/lease-book.h"
#include "networks/leases.h"
#include "networks/network-filter.h"
#include "networks/network-service.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

#define MOMENT_USEC (100 * 1000)

/* No network and no tap has this name: neither has "_" in it. */
#define PORT_NAME  "vnicd_dhcp"
#define PORT_ALIAS "vnicd gives back leases of guests that are gone"

typedef struct LeaseEnd {
        WorkersJob job;
        LeaseNetwork network;
        List departed; /* Departed */
        /* From the first lease on. */
        int queue;
        Netlink *netlink;
        Netlink *filters; /* from the first guarded one on */
} LeaseEnd;

bool lease_end_is_port(const LinkInfo *link) {
        return strcmp(link->kind, "tun") == 0 && strcmp(link->alias, PORT_ALIAS) == 0;
}

static int join(LeaseEnd *end, const char *name, Failure *failure) {
        const LinkPort flags = { .learning = false };
        LinkSettings settings = { .alias = PORT_ALIAS };
        LinkInfo bridge, link;
        int r;

        r = link_get(end->netlink, end->network.bridge, &bridge, failure);
        if (r >= 0)
                r = link_get_by_name(end->netlink, name, &link, failure);
        if (r < 0)
                return r;
        settings.mac = link.mac;
        settings.mtu = bridge.mtu;
        r = link_configure(end->netlink, link.ifindex, &settings, failure);
        if (r >= 0)
                r = link_set_master(end->netlink, link.ifindex, end->network.bridge, failure);
        if (r >= 0)
                r = bridge_set_port(end->netlink, link.ifindex, &flags, failure);
        return r < 0 ? r : link_set_up(end->netlink, link.ifindex, failure);
}

static int open_port(LeaseEnd *end, Failure *failure) {
        TapDevice device = { .persistent = false };
        int r;

        snprintf(device.name, sizeof(device.name), PORT_NAME "%x", end->network.number & 0xffff);
        r = netlink_open(&end->netlink, NETLINK_ROUTE);
        if (r >= 0)
                r = tap_create(&device, &end->queue, failure);
        return r < 0 ? r : join(end, device.name, failure);
}

static int send_frame(LeaseEnd *end, const DhcpMessage *message, Failure *failure) {
        uint8_t frame[DHCP_FRAME_SIZE];

        if (end->queue < 0) {
                int r = open_port(end, failure);

                if (r < 0)
                        return r;
        }
        dhcp_frame(&end->network.server, message, frame);
        if (write(end->queue, frame, sizeof(frame)) < 0)
                return failure_kernel(failure, errno, "send a frame to the network", NULL);
        return 0;
}

static bool is_of(const Lease *lease, const Mac *mac, struct in_addr *ret) {
        char text[MAC_TEXT_SIZE];

        return strcmp(lease->mac, mac_format(mac, text)) == 0 &&
                        inet_pton(AF_INET, lease->address, ret) == 1;
}

static bool has_lease(const Leases *leases, const Mac *mac) {
        struct in_addr address;

        for (size_t i = 0; i < leases->n; i++)
                if (is_of(&leases->leases[i], mac, &address))
                        return true;
        return false;
}

/* A guarded address belongs to the MAC that used it last, and the next guest could not use it. Each
 * part of a concatenated key is rounded up to four bytes. */
static int forget_claim(LeaseEnd *end, struct in_addr address, const Mac *mac, Failure *failure) {
        uint8_t pair[sizeof(address) + 8] = { 0 };
        char table[IFNAMSIZ + sizeof(NETWORK_TABLE_PREFIX)];
        const FilterSet pairs = { table, "pairs4" }, claimed = { table, "claimed4" };
        int r = 0;

        if (!end->filters)
                r = netlink_open(&end->filters, NETLINK_NETFILTER);
        if (r < 0)
                return r;
        snprintf(table, sizeof(table), NETWORK_TABLE_PREFIX "%s", end->network.name);
        memcpy(pair, &address, sizeof(address));
        memcpy(pair + sizeof(address), mac, sizeof(*mac));
        r = filter_remove_element(end->filters, &pairs, pair, sizeof(pair), failure);
        /* What another MAC has claimed stays claimed, whoever has the lease. */
        if (r > 0)
                r = filter_remove_element(
                                end->filters, &claimed, &address, sizeof(address), failure);
        return r < 0 ? r : 0;
}

static int end_lease(LeaseEnd *end, const Departed *departed, struct in_addr address,
                bool inherited, Failure *failure) {
        DhcpMessage message = {
                .type = DHCP_RELEASE,
                .client = departed->mac,
                .address = address,
        };
        int r = send_frame(end, &message, failure);

        if (r >= 0 && end->network.guarded)
                r = forget_claim(end, address, &departed->mac, failure);
        if (r < 0 || !inherited)
                return r;
        message.type = DHCP_REQUEST;
        message.client = departed->heir;
        return send_frame(end, &message, failure);
}

static int end_leases_of(
                LeaseEnd *end, const Departed *departed, const Leases *leases, Failure *failure) {
        const bool inherited = departed->has_heir && !has_lease(leases, &departed->heir);
        struct in_addr address;
        int r = 0;

        for (size_t i = 0; i < leases->n && r >= 0; i++)
                if (is_of(&leases->leases[i], &departed->mac, &address))
                        r = end_lease(end, departed, address, inherited, failure);
        return r;
}

static void close_port(LeaseEnd *end) {
        close_fd(end->queue);
        netlink_close(end->netlink);
        netlink_close(end->filters);
}

/* In a thread. */
static void run(WorkersJob *job) {
        LeaseEnd *end = container_of(job, LeaseEnd, job);
        _cleanup_(leases_done) Leases leases = LEASES_INIT;
        Failure failure = FAILURE_INIT;
        int r = leases_read(end->network.name, &leases);

        LIST_FOREACH(&end->departed, node)
                if (r >= 0)
                        r = end_leases_of(
                                        end, container_of(node, Departed, link), &leases, &failure);
        if (r < 0 && r != -ENODEV)
                log_warning("Leases of guests that are gone stay until they end by themselves, on the network %s: %s",
                                end->network.name,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        close_port(end);
        departed_free_all(&end->departed);
        free(end);
}

int lease_end_now(const LeaseNetwork *network, const Mac *mac, struct in_addr address,
                Failure *failure) {
        LeaseEnd end = { .network = *network, .queue = -EBADF };
        const Departed departed = { .mac = *mac };
        int r = end_lease(&end, &departed, address, false, failure);

        close_port(&end);
        return r;
}

LeaseNetwork networks_lease_network(Networks *networks, const Network *network) {
        LeaseNetwork of = {
                .bridge = network->ifindex,
                .number = networks->lease_ends++,
                .server = { .mac = network->mac, .address = network->tag.plan.v4 },
                .guarded = network->tag.plan.guard_addresses,
        };

        snprintf(of.name, sizeof(of.name), "%s", network->tag.plan.name);
        return of;
}

/* Takes the departed over. -ENOMEM: their leases last. */
static int lease_end_submit(Networks *networks, const Network *network, List *departed) {
        LeaseEnd *end = calloc(1, sizeof(LeaseEnd));

        if (!end)
                return -ENOMEM;
        end->job.run = run;
        end->network = networks_lease_network(networks, network);
        end->queue = -EBADF;
        list_init(&end->departed);
        LIST_FOREACH_SAFE(departed, node) {
                list_unlink(node);
                list_append(&end->departed, node);
        }
        workers_submit(networks->workers, &end->job);
        return 0;
}

static bool gives_leases(const Network *network) {
        return !network_is_ending(network) && network->tag.plan.v4_prefix > 0 &&
                        network_sends_replies(network);
}

static void out_of_memory(const Network *network) {
        log_warning("Out of memory: leases on the network %s stay until they end by themselves",
                        network->tag.plan.name);
}

static void end_due(Reconcilable *thing) {
        Network *network = container_of(thing, Network, lease_end);
        Networks *networks = network->owner;
        List due = LIST_INIT(due);

        lease_book_take_due(&network->leases, &due);
        if (list_is_empty(&due) || network_is_ending(network) ||
                        lease_end_submit(networks, network, &due) >= 0) {
                departed_free_all(&due);
                return;
        }
        out_of_memory(network);
        departed_free_all(&due);
}

/* Each present guest needs an address; so may whoever is behind a foreign port, and those for which
 * one is kept have theirs (a present one counts twice: leases of others end somewhat early then).
 */
static void settle(Networks *networks, Network *network) {
        size_t guests = network->n_foreign + network->n_hosts;

        if (network->leases.n_reserved > 0)
                LIST_FOREACH(&network->endpoints, node)
                        guests++;
        lease_book_fit(&network->leases, guests, network_service_room(&network->tag.plan));
        if (list_is_empty(&network->leases.due))
                return;
        network->lease_end.reconcile = end_due;
        reconciler_mark_at(
                        networks->reconciler, &network->lease_end, clock_now_usec() + MOMENT_USEC);
}

void networks_lease_begins(Networks *networks, Network *network, const LeaseGuest *guest) {
        if (!gives_leases(network))
                return;
        lease_book_come(&network->leases, guest, clock_now_usec());
        settle(networks, network);
}

void networks_lease_moves(
                Networks *networks, Network *network, const LeaseGuest *guest, const Mac *before) {
        if (!gives_leases(network))
                return;
        if (lease_book_move(&network->leases, before, guest, clock_now_usec()) < 0)
                out_of_memory(network);
        settle(networks, network);
}

void networks_lease_ends(
                Networks *networks, Network *network, const LeaseGuest *guest, bool returns) {
        if (!gives_leases(network))
                return;
        if (lease_book_leave(&network->leases, guest, returns, clock_now_usec()) < 0)
                out_of_memory(network);
        settle(networks, network);
}

/* Looks for guests that have a lease and are not present: they left while vnicd was not running. */
typedef struct Search {
        WorkersJob job;
        Networks *networks;
        int bridge;
        char network[IFNAMSIZ];
        Leases leases;
} Search;

/* In a thread. */
static void search(WorkersJob *job) {
        Search *at = container_of(job, Search, job);

        (void)leases_read(at->network, &at->leases);
}

static int compare_macs(const void *a, const void *b) {
        return memcmp(a, b, sizeof(Mac));
}

/* Collects, sorted, the MACs of guests that are present or booked, also of those that came, or came
 * and left, while the leases were read. -ENOMEM */
static int find_known(const Network *network, Mac **ret, size_t *ret_n) {
        const List *booked[] = { &network->leases.reserved, &network->leases.due };
        size_t most = 1, n = 0;
        Mac *known;

        LIST_FOREACH(&network->endpoints, node)
                most++;
        for (size_t i = 0; i < ELEMENTS(booked); i++)
                LIST_FOREACH(booked[i], node)
                        most++;
        known = calloc(most, sizeof(*known));
        if (!known)
                return -ENOMEM;
        LIST_FOREACH(&network->endpoints, node)
                known[n++] = *container_of(node, NetworkPort, link)->mac;
        for (size_t i = 0; i < ELEMENTS(booked); i++)
                LIST_FOREACH(booked[i], node)
                        known[n++] = container_of(node, Departed, link)->mac;
        qsort(known, n, sizeof(*known), compare_macs);
        *ret = known;
        *ret_n = n;
        return 0;
}

/* Nobody knows which of them may come back. */
static int book_departed(Network *network, const Leases *leases) {
        _cleanup_free_ Mac *known = NULL;
        size_t n = 0;
        int r = find_known(network, &known, &n);

        for (size_t i = 0; r >= 0 && i < leases->n; i++) {
                const Lease *lease = &leases->leases[i];
                LeaseGuest guest = { .label = "" };

                if (!strchr(lease->address, ':') && mac_parse(lease->mac, &guest.mac) >= 0 &&
                                !bsearch(&guest.mac, known, n, sizeof(*known), compare_macs))
                        r = lease_book_leave(&network->leases, &guest, true, clock_now_usec());
        }
        return r;
}

/* Behind a foreign port they may all be present. */
static void found(WorkersJob *job) {
        Search *at = container_of(job, Search, job);
        Network *network = networks_at(at->networks, at->bridge);

        if (network && network->n_foreign == 0 && book_departed(network, &at->leases) < 0)
                out_of_memory(network);
        if (network)
                settle(at->networks, network);
        leases_done(&at->leases);
        free(at);
}

static void find_departed(Networks *networks, Network *network) {
        Search *at = calloc(1, sizeof(Search));

        if (!at) {
                out_of_memory(network);
                return;
        }
        at->job = (WorkersJob){ .run = search, .done = found };
        at->networks = networks;
        at->bridge = network->ifindex;
        snprintf(at->network, sizeof(at->network), "%s", network->tag.plan.name);
        workers_submit(networks->workers, &at->job);
}

void networks_find_old_leases(Networks *networks) {
        LIST_FOREACH(&networks->list, node) {
                Network *network = container_of(node, Network, link);

                if (gives_leases(network))
                        find_departed(networks, network);
        }
}
