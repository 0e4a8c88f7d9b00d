/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fixed-addresses.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/network-units.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/debounce.h"
#include "common/log.h"
#include "common/rate-limit.h"
#include "networks/leases.h"
#include "networks/network-leases.h"
#include "networks/network-service.h"

/* Each removal costs a reload of dnsmasq, and guests often go in a row. */
#define PAUSE_USEC (5 * DEBOUNCE_USEC)

/* Where somebody waits for it there is no pause, so many times in a row: anybody with a tap can
 * have that. */
#define HURRIED 10

typedef char HostLine[NETWORK_HOST_LINE_SIZE];

/* A file in the folder while dnsmasq may know of lines that are not there any more: whoever starts
 * after a vnicd that was killed has it reloaded. dnsmasq reads no file with such a name. */
#define MARK ".reload"

/* The folder of a network, until dnsmasq knows what it is to hold. */
typedef struct Folder {
        List link;
        char name[IFNAMSIZ];
        bool outdated;
        bool updating;
        bool reloading; /* dnsmasq is told to forget what was removed */
} Folder;

struct FixedAddresses {
        Service *service;
        Debounce *due;
        RateLimit hurried;
        List folders;    /* Folder.link */
        List reserving;  /* RemovalWaiter.link: of the call for which an address is reserved */
        List waiting;    /* likewise, of those that come after it */
        Failure failure; /* of the last reservation */
        bool busy;       /* a job is under way */
        bool was_due;    /* meanwhile */
        bool stopping;
};

DEFINE_CLEANUP(FixedAddresses, fixed_addresses_free)

static void start_next(FixedAddresses *addresses);

static void end_job(FixedAddresses *addresses) {
        addresses->busy = false;
        if (addresses->was_due)
                start_next(addresses);
        notify_removed(&addresses->waiting, addresses->stopping ? -ECANCELED : 0);
}

/* Makes the folder hold the lines and nothing else. */
typedef struct Update {
        WorkersJob job;
        FixedAddresses *addresses;
        const NetworkUnits *units;
        Folder *folder; /* stays while it is updating */
        HostLine *lines;
        size_t n;
        bool removed; /* a line that dnsmasq may have read */
        int error;
} Update;

static int compare_lines(const void *a, const void *b) {
        return strcmp(a, b);
}

static int mark(int folder) {
        _cleanup_close_ int fd =
                        openat(folder, MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

        return fd < 0 ? -errno : 0;
}

static void unmark(const FixedAddresses *addresses, const char *network) {
        char folder[NETWORK_UNITS_PATH_SIZE], path[NETWORK_UNITS_PATH_SIZE + sizeof(MARK)];

        network_units_hosts(addresses->service->network_units, network, folder);
        snprintf(path, sizeof(path), "%s/" MARK, folder);
        (void)unlinkat(AT_FDCWD, path, 0);
}

static bool is_wanted(const Update *update, const char *file) {
        return update->n > 0 &&
                        bsearch(file, update->lines, update->n, sizeof(HostLine), compare_lines);
}

static int remove_others(Update *update, int folder) {
        const int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
        DIR *entries = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        int r = 0;

        if (!entries) {
                r = -errno;
                close_fd(copy);
                return r;
        }
        while (r >= 0 && (entry = readdir(entries))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                                is_wanted(update, entry->d_name))
                        continue;
                if (!update->removed)
                        r = mark(folder);
                update->removed = true;
                if (r >= 0 && strcmp(entry->d_name, MARK) != 0 &&
                                unlinkat(folder, entry->d_name, 0) < 0)
                        r = -errno;
        }
        closedir(entries);
        return r;
}

static int write_line(int folder, const char *line) {
        char text[NETWORK_HOST_FILE_SIZE];

        if (faccessat(folder, line, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        return network_units_write(folder, line, network_service_host_file(line, text));
}

static int update_folder(Update *update) {
        _cleanup_close_ int folder = network_units_open_hosts(update->units, update->folder->name);
        int r = folder < 0 ? folder : remove_others(update, folder);

        for (size_t i = 0; i < update->n && r >= 0; i++)
                r = write_line(folder, update->lines[i]);
        return r;
}

/* In a thread. */
static void update_run(WorkersJob *job) {
        Update *update = container_of(job, Update, job);

        update->error = update_folder(update);
}

static Folder *find_folder(const FixedAddresses *addresses, const char *network) {
        LIST_FOREACH(&addresses->folders, node) {
                Folder *folder = container_of(node, Folder, link);

                if (strcmp(folder->name, network) == 0)
                        return folder;
        }
        return NULL;
}

static void forget_if_done(Folder *folder) {
        if (folder->outdated || folder->updating || folder->reloading)
                return;
        list_unlink(&folder->link);
        free(folder);
}

static void on_reloaded(const char *network, void *userdata) {
        FixedAddresses *addresses = userdata;
        Folder *folder = find_folder(addresses, network);

        if (folder) {
                if (!folder->updating) /* else a line may just have been removed */
                        unmark(addresses, network);
                folder->reloading = false;
                forget_if_done(folder);
        }
        notify_removed(&addresses->waiting, addresses->stopping ? -ECANCELED : 0);
}

/* The network that has addresses to give; NULL: the folder goes. */
static Network *find_giver(const FixedAddresses *addresses, const char *name) {
        Network *network = networks_find(addresses->service->networks, name);

        return network && network->state == NETWORK_LIVE && network->tag.plan.dhcp ? network : NULL;
}

/* Here, since the network may have come back meanwhile, and its dnsmasq watches the folder: another
 * one of that name would be none to it. */
static void update_done(WorkersJob *job) {
        Update *update = container_of(job, Update, job);
        FixedAddresses *addresses = update->addresses;
        Folder *folder = update->folder;

        if (update->error >= 0 && !addresses->stopping && !find_giver(addresses, folder->name)) {
                unmark(addresses, folder->name);
                update->error = network_units_remove_hosts(update->units, folder->name);
        }
        if (update->error < 0)
                log_warning("Network %s: the fixed addresses of its guests are not all written: %s",
                                folder->name, strerror(-update->error));
        folder->updating = false;
        if (update->removed && !addresses->stopping)
                folder->reloading |= network_units_reload(addresses->service->network_units,
                                folder->name, on_reloaded, addresses);
        forget_if_done(folder);
        free(update->lines);
        free(update);
        end_job(addresses);
}

static const NetworkHost *find_host(const NetworkHosts *hosts, const Mac *mac) {
        for (size_t i = 0; hosts && i < hosts->n; i++)
                if (mac_equal(&hosts->hosts[i].mac, mac))
                        return &hosts->hosts[i];
        return NULL;
}

/* A network that was created, not defined, has none, even if a definition has its name by now. */
static const NetworkHosts *hosts_of(const Service *service, const Network *network) {
        return network->tag.kept ? NULL
                                 : config_network_hosts(service->config, network->tag.plan.name);
}

/* Whether the administrator has given the guest's MAC an address by now, or its address to another
 * MAC: that counts, and dnsmasq takes neither twice. */
static bool is_overruled(const NetworkHosts *hosts, const Tag *tag) {
        for (size_t i = 0; hosts && i < hosts->n; i++)
                if (mac_equal(&hosts->hosts[i].mac, &tag->guest_mac) ||
                                hosts->hosts[i].address.s_addr == tag->address.s_addr)
                        return true;
        return false;
}

static int collect_lines(const Service *service, Network *network, Update *update) {
        const NetworkHosts *hosts = hosts_of(service, network);
        size_t most = hosts ? hosts->n : 0;

        network->n_hosts = most;
        LIST_FOREACH(&network->endpoints, node)
                most++;
        update->lines = calloc(most + 1, sizeof(HostLine));
        if (!update->lines)
                return -ENOMEM;
        for (size_t i = 0; hosts && i < hosts->n; i++)
                network_service_host(&hosts->hosts[i], update->lines[update->n++]);
        LIST_FOREACH(&network->endpoints, node) {
                const Tag *tag = &container_of(node, Endpoint, on_network.link)->tag;
                const NetworkHost host = { .mac = tag->guest_mac, .address = tag->address };

                if (tag->address.s_addr != 0 && !is_overruled(hosts, tag))
                        network_service_host(&host, update->lines[update->n++]);
        }
        qsort(update->lines, update->n, sizeof(HostLine), compare_lines);
        return 0;
}

static int start_update(FixedAddresses *addresses, Folder *folder) {
        Service *service = addresses->service;
        Network *network = find_giver(addresses, folder->name);
        Update *update = calloc(1, sizeof(Update));
        int r = update ? 0 : -ENOMEM;

        if (r >= 0 && network)
                r = collect_lines(service, network, update);
        if (r < 0) {
                free(update);
                return r;
        }
        update->job = (WorkersJob){ .run = update_run, .done = update_done };
        update->addresses = addresses;
        update->units = service->network_units;
        update->folder = folder;
        folder->updating = true;
        addresses->busy = true;
        manager_run(service->manager, &update->job);
        return 0;
}

static void start_next(FixedAddresses *addresses) {
        addresses->was_due = addresses->busy;
        LIST_FOREACH_SAFE(&addresses->folders, node) {
                Folder *folder = container_of(node, Folder, link);

                if (addresses->busy || addresses->stopping || !folder->outdated)
                        continue;
                folder->outdated = false;
                if (start_update(addresses, folder) >= 0)
                        continue;
                log_error("Out of memory: the fixed addresses on the network %s are not written",
                                folder->name);
                forget_if_done(folder);
        }
        LIST_FOREACH(&addresses->folders, node)
                addresses->was_due |= container_of(node, Folder, link)->outdated;
}

static void on_due(void *userdata) {
        start_next(userdata);
}

static Folder *get_folder(FixedAddresses *addresses, const char *network) {
        Folder *folder = find_folder(addresses, network);

        if (folder)
                return folder;
        folder = calloc(1, sizeof(Folder));
        if (!folder)
                return NULL;
        snprintf(folder->name, sizeof(folder->name), "%s", network);
        list_append(&addresses->folders, &folder->link);
        return folder;
}

static void start_soon(FixedAddresses *addresses) {
        const uint64_t now = clock_now_usec();

        if (!rate_limit_has_room(&addresses->hurried, now, PAUSE_USEC, HURRIED * PAUSE_USEC)) {
                debounce_later(addresses->due, PAUSE_USEC);
                return;
        }
        rate_limit_spend(&addresses->hurried, now, PAUSE_USEC);
        start_next(addresses);
}

void fixed_addresses_changed(
                FixedAddresses *addresses, const char *network, FixedAddressesHaste haste) {
        Folder *folder = get_folder(addresses, network);

        if (!folder) {
                log_error("Out of memory: the fixed addresses on the network %s are not written",
                                network);
                return;
        }
        folder->outdated = true;
        if (haste == FIXED_ADDRESSES_NOW)
                start_next(addresses);
        else if (haste == FIXED_ADDRESSES_SOON)
                start_soon(addresses);
        else
                debounce_later(addresses->due, PAUSE_USEC);
}

/* dnsmasq may still have the address for another MAC, and would then refuse it to this one. */
List *fixed_addresses_busy(FixedAddresses *addresses, const char *network) {
        const Folder *folder = find_folder(addresses, network);

        if (folder && folder->outdated)
                start_soon(addresses);
        return addresses->busy || find_folder(addresses, network) ? &addresses->waiting : NULL;
}

typedef struct Reservation {
        WorkersJob job;
        FixedAddresses *addresses;
        const NetworkUnits *units;
        LeaseNetwork network; /* without a bridge: it is not up, and nothing is leased */
        NetworkHost host;
        bool is_written; /* for Host= */
        Mac *present;    /* the other guests that are */
        size_t n_present;
        bool has_strangers; /* nobody knows who is behind a foreign port */
        Failure failure;
        void *data;
        int error;
} Reservation;

static bool is_present(const Reservation *reservation, const Mac *mac) {
        for (size_t i = 0; i < reservation->n_present; i++)
                if (mac_equal(&reservation->present[i], mac))
                        return true;
        return reservation->has_strangers;
}

static int refuse_leased(Reservation *reservation, const Lease *lease) {
        return failure_set(&reservation->failure, FAILURE_ADDRESS_IN_USE, EADDRINUSE,
                        "The option \"address\" was %s, and the guest with the MAC %s has leased that. Choose another address, or stop that guest first.",
                        lease->address, lease->mac);
}

/* 1: *ret is a guest that has left, and has leased it still. */
static int check_leases(Reservation *reservation, Mac *ret) {
        _cleanup_(leases_done) Leases leases = LEASES_INIT;
        char text[INET_ADDRSTRLEN];
        int r = leases_read(reservation->network.name, &leases), found = 0;

        if (r < 0)
                return failure_kernel(
                                &reservation->failure, -r, "read the leases of the network", NULL);
        inet_ntop(AF_INET, &reservation->host.address, text, sizeof(text));
        for (size_t i = 0; i < leases.n; i++) {
                const Lease *lease = &leases.leases[i];
                const bool is_over = lease->expiry != 0 && lease->expiry < (uint64_t)time(NULL);
                Mac mac;

                if (strcmp(lease->address, text) != 0 || is_over)
                        continue;
                if (mac_parse(lease->mac, &mac) < 0)
                        return refuse_leased(reservation, lease);
                if (mac_equal(&mac, &reservation->host.mac))
                        continue;
                if (is_present(reservation, &mac))
                        return refuse_leased(reservation, lease);
                *ret = mac;
                found = 1;
        }
        return found;
}

static int write_reservation(Reservation *reservation) {
        _cleanup_close_ int folder =
                        network_units_open_hosts(reservation->units, reservation->network.name);
        HostLine line;
        int r = folder;

        if (r >= 0)
                r = write_line(folder, network_service_host(&reservation->host, line));
        return r < 0 ? failure_kernel(&reservation->failure, -r,
                                       "write the address for the network's service", NULL)
                     : 0;
}

/* Looks at the leases before, since dnsmasq would take the address from whoever has it, and after:
 * it may just have given it to somebody. */
static int reserve(Reservation *reservation) {
        const bool is_up = reservation->network.bridge > 0;
        Mac gone;
        int r = is_up ? check_leases(reservation, &gone) : 0;

        if (r >= 0 && !reservation->is_written)
                r = write_reservation(reservation);
        if (r >= 0 && is_up)
                r = check_leases(reservation, &gone);
        if (r > 0)
                r = lease_end_now(&reservation->network, &gone, reservation->host.address,
                                &reservation->failure);
        return r;
}

/* In a thread. */
static void reservation_run(WorkersJob *job) {
        Reservation *reservation = container_of(job, Reservation, job);

        reservation->error = reserve(reservation);
}

static bool has_come(const Service *service, const Reservation *reservation) {
        const Network *network = networks_find(service->networks, reservation->network.name);

        if (network)
                LIST_FOREACH(&network->endpoints, node) {
                        const Tag *tag = &container_of(node, Endpoint, on_network.link)->tag;

                        if (tag->address.s_addr == reservation->host.address.s_addr &&
                                        mac_equal(&tag->guest_mac, &reservation->host.mac))
                                return true;
                }
        return false;
}

static void reservation_free(Reservation *reservation) {
        free(reservation->present);
        free(reservation->data);
        free(reservation);
}

static void reservation_done(WorkersJob *job) {
        Reservation *reservation = container_of(job, Reservation, job);
        FixedAddresses *addresses = reservation->addresses;

        addresses->failure = reservation->failure;
        notify_removed(&addresses->reserving,
                        addresses->stopping ? -ECANCELED : reservation->error);
        if (!has_come(addresses->service, reservation))
                fixed_addresses_changed(
                                addresses, reservation->network.name, FIXED_ADDRESSES_LATER);
        reservation_free(reservation);
        end_job(addresses);
}

static int collect_present(
                Reservation *reservation, Networks *networks, const FixedAddress *wanted) {
        size_t most = 1;

        snprintf(reservation->network.name, sizeof(reservation->network.name), "%s",
                        wanted->network);
        if (!wanted->at)
                return 0;
        reservation->network = networks_lease_network(networks, wanted->at);
        reservation->has_strangers = wanted->at->n_foreign > 0;
        LIST_FOREACH(&wanted->at->endpoints, node)
                most++;
        reservation->present = calloc(most, sizeof(Mac));
        if (!reservation->present)
                return -ENOMEM;
        LIST_FOREACH(&wanted->at->endpoints, node) {
                const Endpoint *endpoint = container_of(node, Endpoint, on_network.link);

                if (endpoint->state == ENDPOINT_LIVE)
                        reservation->present[reservation->n_present++] = endpoint->tag.guest_mac;
        }
        return 0;
}

int fixed_addresses_reserve(FixedAddresses *addresses, const FixedAddress *wanted, void *data,
                List **ret_waiters) {
        Reservation *reservation = calloc(1, sizeof(Reservation));
        int r;

        if (!reservation) {
                free(data);
                return -ENOMEM;
        }
        *reservation = (Reservation){
                .job = { .run = reservation_run, .done = reservation_done },
                .addresses = addresses,
                .units = addresses->service->network_units,
                .host = { .mac = wanted->mac, .address = wanted->address },
                .is_written = find_host(wanted->hosts, &wanted->mac),
                .data = data,
        };
        r = collect_present(reservation, addresses->service->networks, wanted);
        if (r < 0) {
                reservation_free(reservation);
                return r;
        }
        addresses->busy = true;
        manager_run(addresses->service->manager, &reservation->job);
        *ret_waiters = &addresses->reserving;
        return 0;
}

int fixed_addresses_refusal(const FixedAddresses *addresses, int error, Failure *failure) {
        *failure = addresses->failure;
        return error;
}

int fixed_addresses_new(FixedAddresses **ret, Service *service, sd_event *event) {
        _cleanup_(fixed_addresses_freep) FixedAddresses *addresses =
                        calloc(1, sizeof(FixedAddresses));
        int r;

        if (!addresses)
                return -ENOMEM;
        list_init(&addresses->folders);
        list_init(&addresses->reserving);
        list_init(&addresses->waiting);
        addresses->service = service;
        r = debounce_new(&addresses->due, event, on_due, addresses);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(addresses);
        return 0;
}

void fixed_addresses_stop(FixedAddresses *addresses) {
        if (addresses)
                addresses->stopping = true;
}

FixedAddresses *fixed_addresses_free(FixedAddresses *addresses) {
        if (!addresses)
                return NULL;
        LIST_FOREACH_SAFE(&addresses->folders, node) {
                list_unlink(node);
                free(container_of(node, Folder, link));
        }
        debounce_free(addresses->due);
        free(addresses);
        return NULL;
}
