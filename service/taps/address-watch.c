/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/address-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/debounce.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "kernel/neighbour.h"
#include "networks/lease-watch.h"
#include "taps/manager-private.h"

/* Batches of events in one go. A storm that is not read in time is lost, and the tables are dumped.
 */
#define BATCHES_AT_ONCE     1024
#define BATCHES_THROWN_AWAY (64 * 1024)

#define DUMP_AGAIN_USEC (10 * DEBOUNCE_USEC)

/* Those on which endpoints' guests may be heard. */
typedef struct Links {
        int links[NEIGHBOUR_LINKS_MAX];
        size_t n; /* NEIGHBOUR_LINKS_MAX + 1: all of the host */
} Links;

struct AddressWatch {
        Manager *manager;
        AddressBook book;
        LeaseWatch *leases;
        int neighbours; /* fd of kernel/neighbour */
        Links links;    /* whose events it has */
        sd_event_source *neighbours_readable, *leases_readable;
        Debounce *look;
        bool wants_dump, dumping;
        bool lost; /* events were, and maybe more will be without being told of */
        bool stopped;
};

DEFINE_CLEANUP(AddressWatch, address_watch_free)
DEFINE_CLEANUP(Netlink, netlink_close)

/* Whose addresses are looked for. */
typedef struct Key {
        int link;
        Mac mac;
} Key;

typedef struct Dump {
        WorkersJob job;
        AddressWatch *watch;
        Key *keys; /* sorted in the thread */
        size_t n_keys;
        Neighbour *found;
        size_t n_found, room;
        bool out_of_memory;
        int result;
        uint64_t processor_usec;
} Dump;

/* What a guest claims counts on a network only where the network's own addresses are, and on other
 * bridges everywhere. */
static bool counts(const Network *network, const IpAddress *address) {
        const NetworkPlan *plan = network ? &network->tag.plan : NULL;

        if (!plan || ip_address_is_link_local(address))
                return true;
        if (address->family == AF_INET)
                return plan->v4_prefix > 0 && ip_address_is_in(address, &plan->v4, plan->v4_prefix);
        return plan->v6_prefix > 0 && ip_address_is_in(address, &plan->v6, plan->v6_prefix);
}

/* Where a network gives leases, the host remembers who had an address long after its lease has
 * ended, maybe while vnicd was not running. */
static void hear(AddressWatch *watch, const Neighbour *neighbour, bool dumped) {
        const Network *network = networks_at(watch->manager->networks, neighbour->ifindex);
        const bool remembered = dumped && network && network_sends_replies(network) &&
                        neighbour->address.family == AF_INET;

        if (counts(network, &neighbour->address))
                address_book_hear(&watch->book, neighbour->ifindex, &neighbour->address,
                                neighbour->state == NEIGHBOUR_GONE ? NULL : &neighbour->mac,
                                neighbour->state == NEIGHBOUR_CONFIRMED, !remembered);
}

static int compare_keys(const void *a, const void *b) {
        return memcmp(a, b, sizeof(Key));
}

/* In a thread. */
static void keep(const Neighbour *neighbour, void *userdata) {
        Dump *dump = userdata;
        Key key;

        memset(&key, 0, sizeof(key)); /* also what is between its members */
        key.link = neighbour->ifindex;
        key.mac = neighbour->mac;
        if (neighbour->state == NEIGHBOUR_GONE ||
                        !bsearch(&key, dump->keys, dump->n_keys, sizeof(key), compare_keys))
                return;
        if (dump->n_found == dump->room) {
                const size_t room = dump->room > 0 ? dump->room * 2 : 64;
                Neighbour *more = reallocarray(dump->found, room, sizeof(*more));

                dump->out_of_memory |= !more;
                if (!more)
                        return;
                dump->found = more;
                dump->room = room;
        }
        dump->found[dump->n_found++] = *neighbour;
}

/* In a thread. */
static void run_dump(WorkersJob *job) {
        Dump *dump = container_of(job, Dump, job);
        const uint64_t began = clock_thread_usec();
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        int r = netlink_open(&netlink, NETLINK_ROUTE);

        qsort(dump->keys, dump->n_keys, sizeof(*dump->keys), compare_keys);
        if (r >= 0)
                r = -EINTR;
        UNTIL_DUMP_IS_WHOLE(r) {
                dump->n_found = 0;
                r = neighbour_dump(netlink, keep, dump, NULL);
        }
        dump->result = r >= 0 && dump->out_of_memory ? -ENOMEM : r;
        dump->processor_usec = clock_thread_usec() - began;
}

/* What one says that is not whole is true, but does not tell what is gone. */
static void take_dump(AddressWatch *watch, const Dump *dump) {
        address_book_begin(&watch->book);
        for (size_t i = 0; i < dump->n_found; i++)
                hear(watch, &dump->found[i], true);
        if (dump->result >= 0)
                LIST_FOREACH(&watch->manager->registry.endpoints, node)
                        address_holder_sweep(&watch->book,
                                        &container_of(node, Endpoint, link)->addresses,
                                        ADDRESS_HEARD);
}

static void dumped(WorkersJob *job) {
        Dump *dump = container_of(job, Dump, job);
        AddressWatch *watch = dump->watch;

        watch->dumping = false;
        if (!watch->stopped) {
                if (dump->result < 0)
                        log_warning("Cannot list the host's neighbours, trying again: %s",
                                        strerror(-dump->result));
                take_dump(watch, dump);
                watch->wants_dump |= dump->result < 0;
                debounce_rest(watch->look, dump->processor_usec);
                if (dump->result < 0)
                        debounce_later(watch->look, DUMP_AGAIN_USEC);
                else
                        debounce_soon(watch->look);
        }
        free(dump->found);
        free(dump->keys);
        free(dump);
}

static int begin_dump(AddressWatch *watch) {
        Dump *dump = calloc(1, sizeof(Dump));
        size_t n = 0;

        LIST_FOREACH(&watch->manager->registry.endpoints, node)
                n++;
        if (dump)
                dump->keys = calloc(n + 1, sizeof(*dump->keys));
        if (!dump || !dump->keys) {
                free(dump);
                return -ENOMEM;
        }
        LIST_FOREACH(&watch->manager->registry.endpoints, node) {
                const AddressHolder *holder = &container_of(node, Endpoint, link)->addresses;

                dump->keys[dump->n_keys].link = holder->link;
                dump->keys[dump->n_keys++].mac = holder->mac;
        }
        dump->job = (WorkersJob){ .run = run_dump, .done = dumped };
        dump->watch = watch;
        watch->wants_dump = false;
        watch->dumping = true;
        workers_submit(watch->manager->workers, &dump->job);
        return 0;
}

static bool has_link(const Links *links, int link) {
        for (size_t i = 0; i < links->n && links->n <= NEIGHBOUR_LINKS_MAX; i++)
                if (links->links[i] == link)
                        return true;
        return links->n > NEIGHBOUR_LINKS_MAX;
}

/* The neighbours of a host's LAN change all the time, and are of no interest where no endpoint is.
 * What was not heard before a link is added is in the tables. */
static void choose_links(AddressWatch *watch) {
        Links links = { .n = 0 };
        bool more = false;

        LIST_FOREACH(&watch->manager->registry.endpoints, node) {
                const int link = container_of(node, Endpoint, link)->addresses.link;

                if (link == 0 || has_link(&links, link))
                        continue;
                if (links.n < NEIGHBOUR_LINKS_MAX)
                        links.links[links.n] = link;
                links.n++;
                more |= !has_link(&watch->links, link);
        }
        if (!more && links.n == watch->links.n)
                return;
        if (neighbour_events_filter(watch->neighbours, links.links, links.n) < 0) {
                debounce_later(watch->look, DUMP_AGAIN_USEC);
                return;
        }
        watch->links = links;
        watch->wants_dump |= more;
}

static void on_neighbour(const Neighbour *neighbour, void *userdata) {
        hear(userdata, neighbour, false);
}

/* The kernel says only once that it has lost events, until there is none left: so all of them are
 * thrown away before the dump that makes up for them. */
static void throw_away(AddressWatch *watch) {
        int r = 1;

        for (unsigned i = 0; i < BATCHES_THROWN_AWAY && r != 0; i++)
                r = neighbour_events_read(watch->neighbours, NULL, NULL);
        watch->lost = r != 0;
        watch->wants_dump = true;
}

static void read_events(AddressWatch *watch) {
        int r = 1;

        for (unsigned i = 0; i < BATCHES_AT_ONCE && r > 0 && !watch->lost; i++) {
                r = neighbour_events_read(watch->neighbours, on_neighbour, watch);
                watch->lost = r < 0;
        }
        if (watch->lost)
                throw_away(watch);
}

/* Which MAC has a DHCPv6 lease is the claim of whoever asked for it, so it does not count: what
 * its guest uses is heard. A lease of IPv4 is given to the MAC that has asked. */
static void take_lease(AddressWatch *watch, const Network *network, const Lease *lease) {
        AddressHolder *holder;
        IpAddress address;
        Mac mac;

        if (mac_parse(lease->mac, &mac) < 0 || ip_address_parse(lease->address, &address) < 0 ||
                        address.family != AF_INET || !counts(network, &address))
                return;
        holder = address_book_find(&watch->book, network->ifindex, &mac);
        if (holder && container_of(holder, Endpoint, addresses)->network == network)
                address_book_lease(&watch->book, holder, &address);
}

static void take_leases(AddressWatch *watch, Network *network) {
        const uint64_t now = (uint64_t)time(NULL);

        network->given_is_new = false;
        network->lease_expiry = 0;
        address_book_begin(&watch->book);
        for (size_t i = 0; i < network->given.n; i++) {
                const Lease *lease = &network->given.leases[i];

                if (lease_has_ended(lease, now))
                        continue;
                take_lease(watch, network, lease);
                if (lease->expiry > 0 &&
                                (network->lease_expiry == 0 ||
                                                lease->expiry < network->lease_expiry))
                        network->lease_expiry = lease->expiry;
        }
        LIST_FOREACH(&network->endpoints, node)
                address_holder_sweep(&watch->book,
                                &container_of(node, Endpoint, on_network.link)->addresses,
                                ADDRESS_LEASED);
}

/* A lease ends when its time is over, whether its network's service says so or not. */
static void look_at_leases(AddressWatch *watch) {
        const uint64_t now = (uint64_t)time(NULL);
        Network *network = NULL;

        lease_watch_look(watch->leases);
        while ((network = networks_next(watch->manager->networks, network))) {
                if (network->given_is_new ||
                                (network->lease_expiry > 0 && network->lease_expiry <= now))
                        take_leases(watch, network);
                if (network->lease_expiry > now)
                        debounce_at(watch->look,
                                        clock_now_usec() +
                                                        (network->lease_expiry - now) *
                                                                        USEC_PER_SEC);
        }
}

/* Behind which port the bridge has seen the guest's MAC. */
static AddressVerdict judge(AddressWatch *watch, const Endpoint *endpoint) {
        const LinkInfo *now = &endpoint->now;
        Netlink *netlink = watch->manager->netlink;
        FdbEntry entry;
        LinkInfo bridge;
        int r;

        /* Without a bridge nobody else is there; a tied MAC is behind this port. */
        if (!address_holder_is_pending(&endpoint->addresses) || !now->is_bridge_port ||
                        endpoint_has_anti_spoof(endpoint))
                return ADDRESS_VERDICT_OWN;
        r = bridge_find_mac(netlink, now->master, &endpoint->tag.guest_mac, &entry, NULL);
        if (r == -ENOENT && link_get(netlink, now->master, &bridge, NULL) >= 0 && bridge.vlan > 0)
                r = bridge_find_mac_in_vlan(netlink, now->master, &endpoint->tag.guest_mac,
                                bridge.vlan, &entry, NULL);
        if (r < 0)
                return ADDRESS_VERDICT_UNKNOWN;
        return entry.port == now->ifindex ? ADDRESS_VERDICT_OWN : ADDRESS_VERDICT_OTHER;
}

static void tell(AddressWatch *watch) {
        const Manager *manager = watch->manager;

        while (!list_is_empty(&watch->book.changed)) {
                AddressHolder *holder =
                                container_of(watch->book.changed.next, AddressHolder, changed);
                Endpoint *endpoint = container_of(holder, Endpoint, addresses);

                if (address_holder_settle(&watch->book, holder, judge(watch, endpoint)) &&
                                endpoint_is_published(endpoint) && manager->observer)
                        manager->observer->changed(
                                        endpoint, ENDPOINT_CHANGED_ADDRESSES, manager->userdata);
        }
}

/* What goes on in a thread ends with a look, and a rest before it that no event is to shorten. */
static void listen_again(AddressWatch *watch) {
        const bool busy = watch->dumping || lease_watch_is_reading(watch->leases);
        const int on = busy ? SD_EVENT_OFF : SD_EVENT_ON;

        (void)sd_event_source_set_enabled(watch->neighbours_readable, on);
        if (watch->leases_readable)
                (void)sd_event_source_set_enabled(watch->leases_readable, on);
}

static void look(void *userdata) {
        AddressWatch *watch = userdata;

        if (watch->stopped)
                return;
        look_at_leases(watch);
        choose_links(watch);
        if (!watch->dumping)
                read_events(watch);
        watch->wants_dump |= watch->book.has_room_again;
        watch->book.has_room_again = false;
        if (watch->wants_dump && !watch->dumping && begin_dump(watch) < 0)
                debounce_later(watch->look, DUMP_AGAIN_USEC);
        tell(watch);
        listen_again(watch);
}

/* Waits until it was read. */
static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        AddressWatch *watch = userdata;

        debounce_later(watch->look, DEBOUNCE_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static void on_leases(uint64_t processor_usec, void *userdata) {
        AddressWatch *watch = userdata;

        if (watch->stopped)
                return;
        debounce_rest(watch->look, processor_usec);
        debounce_soon(watch->look);
}

int address_watch_new(AddressWatch **ret, Manager *manager) {
        _cleanup_(address_watch_freep) AddressWatch *watch = calloc(1, sizeof(AddressWatch));
        int r;

        if (!watch)
                return -ENOMEM;
        watch->manager = manager;
        watch->wants_dump = true;
        address_book_init(&watch->book);
        watch->neighbours = neighbour_events_open();
        if (watch->neighbours < 0)
                return watch->neighbours;
        r = lease_watch_new(&watch->leases, manager->networks, manager->workers, on_leases, watch);
        if (r >= 0)
                r = debounce_new(&watch->look, manager->event, look, watch);
        if (r >= 0)
                r = sd_event_add_io(manager->event, &watch->neighbours_readable, watch->neighbours,
                                EPOLLIN, on_readable, watch);
        if (r >= 0 && lease_watch_fd(watch->leases) >= 0)
                r = sd_event_add_io(manager->event, &watch->leases_readable,
                                lease_watch_fd(watch->leases), EPOLLIN, on_readable, watch);
        if (r < 0)
                return r;
        debounce_soon(watch->look);
        *ret = TAKE_PTR(watch);
        return 0;
}

void address_watch_stop(AddressWatch *watch) {
        if (watch)
                watch->stopped = true;
}

AddressWatch *address_watch_free(AddressWatch *watch) {
        if (!watch)
                return NULL;
        sd_event_source_disable_unref(watch->neighbours_readable);
        sd_event_source_disable_unref(watch->leases_readable);
        debounce_free(watch->look);
        lease_watch_free(watch->leases);
        close_fd(watch->neighbours);
        free(watch);
        return NULL;
}

void address_watch_place(AddressWatch *watch, Endpoint *endpoint) {
        const LinkInfo *now = &endpoint->now;
        const bool is_first = endpoint->addresses.link == 0;

        if (!endpoint_is_published(endpoint) ||
                        !address_book_place(&watch->book, &endpoint->addresses,
                                        now->is_bridge_port ? now->master : now->ifindex,
                                        &endpoint->tag.guest_mac))
                return;
        /* Nobody has heard of a MAC that was generated for it. */
        if (!is_first || endpoint->tag.mac_state != MAC_GENERATED)
                watch->wants_dump = true;
        if (endpoint->network)
                endpoint->network->given_is_new = true;
        debounce_later(watch->look, DEBOUNCE_USEC);
}

const Endpoint *address_watch_find(
                const AddressWatch *watch, int bridge, const char *mac, const char *address) {
        const AddressHolder *holder;
        IpAddress bytes;
        Mac guest;

        if (mac_parse(mac, &guest) < 0 || ip_address_parse(address, &bytes) < 0)
                return NULL;
        holder = address_book_find(&watch->book, bridge, &guest);
        if (!holder || !address_holder_has(holder, &bytes))
                return NULL;
        return container_of((AddressHolder *)holder, Endpoint, addresses);
}
