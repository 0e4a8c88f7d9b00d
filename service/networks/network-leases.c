/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lease goes with its endpoint: the networks' books of leases follow what endpoints there are,
 * and what is due is ended a moment later, for all guests that went in that moment together: by
 * then dnsmasq has read what a guest sent last.
 */
#include "networks/network-leases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "networks/lease-end.h"
#include "networks/leases.h"
#include "networks/network-service.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

#define MOMENT_USEC (100 * 1000)

static bool gives_leases(const Network *network) {
        return !network->doomed && network->tag.plan.v4_prefix > 0 &&
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
        if (list_is_empty(&due) || network->doomed ||
                        lease_end_submit(networks->workers, network, networks->lease_ends++,
                                        &due) >= 0) {
                departed_free_all(&due);
                return;
        }
        out_of_memory(network);
        departed_free_all(&due);
}

/* Those who are there need an address each; so may whoever is behind a port of others. */
static void settle(Networks *networks, Network *network) {
        size_t guests = network->n_foreign;

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

/* Who has a lease, and is not there: the guests that went while there was no vnicd. */
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

/* Collects, in order, the MACs of guests that are there or are booked, also of those that came, or
 * came and went, while the leases were read. -ENOMEM */
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

/* Which of them may come back nobody knows. */
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

/* Behind a port of others they may all be there. */
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
