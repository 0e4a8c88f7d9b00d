/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/lease-end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "kernel/filter-element.h"
#include "kernel/tap.h"
#include "networks/dhcp-frame.h"
#include "networks/lease-book.h"
#include "networks/leases.h"
#include "networks/network-filter.h"

/* Not that of a network or of a tap: neither has "_" in its name. */
#define PORT_NAME  "vnicd_dhcp"
#define PORT_ALIAS "vnicd gives back leases of guests that are gone"

typedef struct LeaseEnd {
        WorkersJob job;
        char network[IFNAMSIZ];
        int bridge;
        unsigned number; /* of its port's name: several may be at it at once */
        DhcpServer server;
        List departed; /* Departed */
        /* From the first lease on. */
        int queue;
        Netlink *netlink;
        bool guarded;     /* addresses are of the MAC that uses them */
        Netlink *filters; /* from the first that was */
} LeaseEnd;

bool lease_end_is_port(const LinkInfo *link) {
        return strcmp(link->kind, "tun") == 0 && strcmp(link->alias, PORT_ALIAS) == 0;
}

static int join(LeaseEnd *end, const char *name, Failure *failure) {
        const LinkPort flags = { .learning = false };
        LinkSettings settings = { .alias = PORT_ALIAS };
        LinkInfo bridge, link;
        int r;

        r = link_get(end->netlink, end->bridge, &bridge, failure);
        if (r >= 0)
                r = link_get_by_name(end->netlink, name, &link, failure);
        if (r < 0)
                return r;
        settings.mac = link.mac;
        settings.mtu = bridge.mtu;
        r = link_configure(end->netlink, link.ifindex, &settings, failure);
        if (r >= 0)
                r = link_set_master(end->netlink, link.ifindex, end->bridge, failure);
        if (r >= 0)
                r = bridge_set_port(end->netlink, link.ifindex, &flags, failure);
        return r < 0 ? r : link_set_up(end->netlink, link.ifindex, failure);
}

static int open_port(LeaseEnd *end, Failure *failure) {
        TapDevice device = { .persistent = false };
        int r;

        snprintf(device.name, sizeof(device.name), PORT_NAME "%x", end->number & 0xffff);
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
        dhcp_frame(&end->server, message, frame);
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

/* An address that is guarded is of the MAC that used it last, and the next guest would not be heard
 * with it. The parts of a key of two are each rounded up to four bytes. */
static int forget_claim(LeaseEnd *end, struct in_addr address, const Mac *mac, Failure *failure) {
        uint8_t pair[sizeof(address) + 8] = { 0 };
        char table[IFNAMSIZ + sizeof(NETWORK_TABLE_PREFIX)];
        const FilterSet pairs = { table, "pairs4" }, claimed = { table, "claimed4" };
        int r = 0;

        if (!end->filters)
                r = netlink_open(&end->filters, NETLINK_NETFILTER);
        if (r < 0)
                return r;
        snprintf(table, sizeof(table), NETWORK_TABLE_PREFIX "%s", end->network);
        memcpy(pair, &address, sizeof(address));
        memcpy(pair + sizeof(address), mac, sizeof(*mac));
        r = filter_remove_element(end->filters, &pairs, pair, sizeof(pair), failure);
        /* What another one has claimed stays theirs, whoever the lease is of. */
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

        if (r >= 0 && end->guarded)
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

/* In a thread. */
static void run(WorkersJob *job) {
        LeaseEnd *end = container_of(job, LeaseEnd, job);
        _cleanup_(leases_done) Leases leases = LEASES_INIT;
        Failure failure = FAILURE_INIT;
        int r = leases_read(end->network, &leases);

        LIST_FOREACH(&end->departed, node)
                if (r >= 0)
                        r = end_leases_of(
                                        end, container_of(node, Departed, link), &leases, &failure);
        if (r < 0 && r != -ENODEV)
                log_warning("Leases of guests that are gone stay until they end by themselves, on the network %s: %s",
                                end->network,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        close_fd(end->queue);
        netlink_close(end->netlink);
        netlink_close(end->filters);
        departed_free_all(&end->departed);
        free(end);
}

int lease_end_submit(Workers *workers, const Network *network, unsigned number, List *departed) {
        LeaseEnd *end = calloc(1, sizeof(LeaseEnd));

        if (!end)
                return -ENOMEM;
        end->job.run = run;
        end->bridge = network->ifindex;
        end->number = number;
        end->queue = -EBADF;
        end->guarded = network->tag.plan.guard_addresses;
        end->server = (DhcpServer){ .mac = network->mac, .address = network->tag.plan.v4 };
        snprintf(end->network, sizeof(end->network), "%s", network->tag.plan.name);
        list_init(&end->departed);
        LIST_FOREACH_SAFE(departed, node) {
                list_unlink(node);
                list_append(&end->departed, node);
        }
        workers_submit(workers, &end->job);
        return 0;
}
