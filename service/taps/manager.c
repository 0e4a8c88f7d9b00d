/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/manager.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/log.h"
#include "kernel/tap.h"
#include "networks/firewall-watch.h"
#include "networks/network-checksums.h"
#include "networks/network-leases.h"
#include "networks/networks.h"
#include "taps/address-watch.h"
#include "taps/bridge-list.h"
#include "taps/bridge-ports.h"
#include "taps/deletion.h"
#include "taps/guest-sources.h"
#include "taps/host-bridges.h"
#include "taps/manager-private.h"
#include "taps/membership.h"
#include "taps/tamper-guard.h"
#include "taps/tap-filter-guard.h"
#include "taps/tracker.h"

/* They sleep nearly all the time: 16 threads delete or close some 450 taps a second, 8 threads some
 * 270. Several deletions in one message would not help: the kernel sleeps after each. */
#define WORKER_THREADS 16

DEFINE_CLEANUP(Manager, manager_free)

/* Closing its queue is not enough: somebody may have opened a queue in the moment before the device
 * had its owner, and would keep it alive. ifindex: 0: the one with the nonce's name. */
static void delete_scratch(Manager *manager, int ifindex, uint32_t nonce) {
        if (deletion_submit(manager->workers, ifindex, nonce, NULL, NULL) < 0)
                log_warning("Out of memory: a tap on which something was tried may be left behind");
}

/* Finds out what the host offers, by a scratch tap that is down, on no bridge, and deleted
 * afterwards. */
static int probe_host(Manager *manager, Failure *failure) {
        TapDevice scratch = { .vnet_hdr = true, .multiqueue = true };
        FdSet queues = FDSET_INIT;
        LinkInfo link;
        uint32_t nonce;
        int fd, r;

        r = ifname_nonce(&nonce);
        if (r < 0)
                return r;
        ifname_of_nonce(nonce, scratch.name);
        r = tap_create(&scratch, &fd, failure);
        if (r < 0 && r != -EEXIST) /* it may exist, and somebody may have opened it */
                delete_scratch(manager, 0, nonce);
        if (r < 0)
                return r;
        offload_probe(fd, &manager->capabilities.offloads);
        r = link_get_by_name(manager->netlink, scratch.name, &link, failure);
        if (r >= 0)
                manager->capabilities.max_queues = link.tx_queues;
        manager->capabilities.vhost_net = access("/dev/vhost-net", F_OK) == 0;
        (void)fdset_add(&queues, fd);
        workers_close(manager->workers, &queues);
        delete_scratch(manager, r >= 0 ? link.ifindex : 0, nonce);
        return r;
}

static int on_workers(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *manager = userdata;

        workers_finish(manager->workers);
        return 0;
}

static void on_offloads(OffloadState *state, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint = container_of(state, Endpoint, offload_state);

        if (manager->observer)
                manager->observer->changed(endpoint, ENDPOINT_CHANGED_OFFLOADS, manager->userdata);
}

/* The tap may have gone with them. */
static void on_closed(void *userdata) {
        Manager *manager = userdata;

        (void)link_monitor_catch_up(manager->monitor);
}

static void evict(Network *network, void *userdata) {
        Manager *manager = userdata;

        LIST_FOREACH_SAFE(&network->endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, on_network.link);

                if (endpoint->state == ENDPOINT_LIVE &&
                                manager_delete(manager, endpoint, ENDPOINT_END_NETWORK_DELETED) < 0)
                        log_error("Out of memory: %s stays", endpoint->now.name);
        }
}

/* Looks by ifindex: another bridge may have the name by now. */
static bool has_ports(const Network *network, void *userdata) {
        BridgePorts ports;

        (void)manager_look_at_ports(userdata, network->ifindex, &ports);
        return ports.all > 0;
}

static void on_renamed(int ifindex, void *userdata) {
        manager_bridge_is_renamed(userdata, ifindex);
}

static bool is_awaited(const char *name, void *userdata) {
        return manager_awaits_bridge(userdata, name);
}

static void on_sources_untold(void *userdata) {
        manager_lose_sources(userdata);
}

static const NetworksOwner networks_owner = {
        .evict = evict,
        .has_ports = has_ports,
        .renamed = on_renamed,
        .is_awaited = is_awaited,
        .sources_untold = on_sources_untold,
};

static int open_parts(Manager *manager, sd_event *event) {
        int r;

        r = netlink_open(&manager->netlink, NETLINK_ROUTE);
        if (r < 0)
                return r;
        r = workers_new(&manager->workers, WORKER_THREADS);
        if (r < 0)
                return r;
        r = delayed_close_new(&manager->delayed_close, event, manager->workers, on_closed, manager);
        if (r < 0)
                return r;
        r = quota_new(&manager->quota);
        if (r < 0)
                return r;
        r = reconciler_new(&manager->reconciler, event);
        if (r < 0)
                return r;
        r = networks_new(&manager->networks,
                        &(NetworksParts){ manager->netlink, manager->workers, manager->reconciler,
                                        event },
                        &networks_owner, manager);
        if (r < 0)
                return r;
        r = manager_guard_begin(manager, event);
        if (r < 0)
                return r;
        r = manager_watch_filters(manager, event);
        if (r < 0)
                return r;
        r = manager_watch_bridges(manager, event);
        if (r < 0)
                return r;
        r = offload_watch_new(&manager->offload_watch, event, on_offloads, manager);
        if (r >= 0)
                r = address_watch_new(&manager->addresses, manager);
        if (r < 0)
                return r;
        return sd_event_add_io(event, &manager->workers_source, workers_fd(manager->workers),
                        EPOLLIN, on_workers, manager);
}

int manager_new(Manager **ret, sd_event *event, const ManagerObserver *observer, void *userdata) {
        _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(Manager));
        int r;

        if (!manager)
                return -ENOMEM;
        registry_init(&manager->registry);
        list_init(&manager->changed);
        list_init(&manager->deletion_retries);
        list_init(&manager->bridges);
        list_init(&manager->bridge_watch.links);
        manager->rejoin = manager_rejoin_bridge;
        manager->event = sd_event_ref(event);
        manager->capabilities.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
        r = open_parts(manager, event);
        if (r < 0)
                return r;
        (void)manager_probe(manager);

        manager->observer = observer;
        manager->userdata = userdata;
        networks_adopt(manager->networks);
        r = link_monitor_new(&manager->monitor, event, &manager_link_follower, manager);
        if (r < 0)
                return r;
        if (manager->n_orphaned == 0)
                networks_remove_orphaned_filters(manager->networks);
        networks_settle(manager->networks);
        networks_check_checksums(manager->networks);
        networks_find_old_leases(manager->networks);
        manager_adopt_bridges(manager);
        manager_begin_bridge_list(manager);
        manager->state = MANAGER_RUNNING;
        networks_check_firewalls(manager->networks);
        *ret = TAKE_PTR(manager);
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;
        if (manager->state == MANAGER_STARTING)
                manager->observer = NULL;
        /* What is being deleted is deleted to the end, and whoever waits for it is told. */
        sd_event_source_disable_unref(manager->workers_source);
        sd_event_source_disable_unref(manager->again);
        if (manager->networks)
                networks_stop_checking_firewalls(manager->networks);
        manager_close_sources(manager);
        address_watch_stop(manager->addresses);
        delayed_close_stop(manager->delayed_close);
        manager->state = MANAGER_STOPPING;
        networks_stop(manager->networks);
        workers_free(manager->workers);
        manager_leave_filters(manager);
        delayed_close_free(manager->delayed_close);
        if (manager->monitor)
                (void)link_monitor_catch_up(manager->monitor);
        link_monitor_free(manager->monitor);
        registry_done(&manager->registry);
        address_watch_free(manager->addresses);
        host_bridges_sweep(&manager->bridges);
        manager_leave_bridges(manager);
        networks_free(manager->networks);
        reconciler_free(manager->reconciler);
        offload_watch_free(manager->offload_watch);
        quota_free(manager->quota);
        netlink_close(manager->netfilter);
        netlink_close(manager->netlink);
        sd_event_unref(manager->event);
        free(manager);
        return NULL;
}

int manager_probe(Manager *manager) {
        const HostCapabilities before = manager->capabilities;
        Failure failure = FAILURE_INIT;
        bool changed;
        int r;

        manager_open_sources(manager);
        (void)manager_make_tap_filters(manager);
        if (manager->state != MANAGER_STARTING)
                networks_check_firewalls(manager->networks);
        r = probe_host(manager, &failure);
        changed = memcmp(&before, &manager->capabilities, sizeof(before)) != 0;
        if (r < 0)
                log_warning("Cannot find out what taps this host offers: %s" SEE_DOCTOR,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        return changed ? 1 : r;
}

Networks *manager_networks(Manager *manager) {
        return manager->networks;
}

const HostCapabilities *manager_capabilities(const Manager *manager) {
        return &manager->capabilities;
}

int manager_release(Manager *manager, Endpoint *endpoint, RemovalWaiter *waiter) {
        int r = manager_delete(manager, endpoint, ENDPOINT_END_RELEASED);

        if (r >= 0)
                endpoint_add_waiter(endpoint, waiter);
        return r;
}

void manager_end_login(Manager *manager, uid_t uid) {
        LIST_FOREACH_SAFE(&manager->registry.endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, link);

                if (endpoint->tag.uid == uid && endpoint->tag.until_logout &&
                                manager_delete(manager, endpoint, ENDPOINT_END_LOGOUT) < 0)
                        log_error("Out of memory: %s stays", endpoint->now.name);
        }
}

void manager_take_back(Manager *manager, Endpoint *endpoint) {
        if (manager_delete(manager, endpoint, ENDPOINT_END_RELEASED) < 0)
                log_warning("Out of memory: %s may be left behind", endpoint->now.name);
}

void manager_close_queues(Manager *manager, uid_t uid, uint32_t nonce, FdSet *queues) {
        delayed_close_close(manager->delayed_close, uid, nonce, queues);
}

const char *manager_bridge_of(
                Manager *manager, const Endpoint *endpoint, char buffer[static IFNAMSIZ]) {
        return link_name(manager->netlink, endpoint->now.master, buffer);
}

void manager_run(Manager *manager, WorkersJob *job) {
        workers_submit(manager->workers, job);
}

Endpoint *manager_find(Manager *manager, uint32_t nonce) {
        return registry_by_nonce(&manager->registry, nonce);
}

Endpoint *manager_find_interface(Manager *manager, const char *name) {
        Endpoint *endpoint;
        LinkInfo link;

        if (!ifname_is_plain(name) || link_get_by_name(manager->netlink, name, &link, NULL) < 0)
                return NULL;
        endpoint = registry_by_ifindex(&manager->registry, link.ifindex);
        return endpoint && endpoint_is_published(endpoint) ? endpoint : NULL;
}

const Endpoint *manager_find_lease(
                const Manager *manager, const Network *network, const Lease *lease) {
        return address_watch_find(manager->addresses, network->ifindex, lease->mac, lease->address);
}

Endpoint *manager_find_label(Manager *manager, uid_t uid, const char *label) {
        return registry_by_label(&manager->registry, uid, label);
}

Endpoint *manager_next(Manager *manager, const Endpoint *after) {
        const List *end = &manager->registry.endpoints;
        List *node = after ? after->link.next : end->next;

        while (node != end && !endpoint_is_published(container_of(node, Endpoint, link)))
                node = node->next;
        return node == end ? NULL : container_of(node, Endpoint, link);
}
