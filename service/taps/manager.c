/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/manager.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "kernel/tap.h"
#include "networks/firewall-watch.h"
#include "networks/network-checksums.h"
#include "networks/network-leases.h"
#include "networks/networks-restart.h"
#include "taps/deletion.h"
#include "taps/manager-private.h"

/* Each sleeps nearly all of its time: 16 delete or close some 450 taps a second, 8 some 270.
 * Several deletions in one message would not help: the kernel sleeps after each. */
#define CLOSER_THREADS 16

DEFINE_CLEANUP(Manager, manager_free)

/* Closing its queue is not enough: somebody may have joined it in the moment before it had its
 * owner, and would keep it. ifindex: 0: the one with the name of the nonce. */
static void delete_scratch(Manager *manager, int ifindex, uint32_t nonce) {
        if (deletion_submit(manager->closer, ifindex, nonce, NULL, NULL) < 0)
                log_warning("Out of memory: a tap on which something was tried may be left behind");
}

/* What the host offers, tried on a scratch tap that is down, on no bridge, and gone afterwards. */
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
        if (r < 0 && r != -EEXIST) /* it may have been made, and joined by somebody */
                delete_scratch(manager, 0, nonce);
        if (r < 0)
                return r;
        offload_probe(fd, &manager->facts.offloads);
        r = link_get_by_name(manager->netlink, scratch.name, &link, failure);
        if (r >= 0)
                manager->facts.max_queues = link.tx_queues;
        manager->facts.vhost_net = access("/dev/vhost-net", F_OK) == 0;
        (void)fdset_add(&queues, fd);
        closer_close(manager->closer, &queues);
        delete_scratch(manager, r >= 0 ? link.ifindex : 0, nonce);
        return r;
}

static int on_closer(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *manager = userdata;

        closer_finish(manager->closer);
        return 0;
}

static void on_offloads(OffloadState *state, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint = container_of(state, Endpoint, offload_state);

        if (manager->observer)
                manager->observer->changed(endpoint, ENDPOINT_CHANGED_OFFLOADS, manager->userdata);
}

/* The tap may be gone with them. */
static void on_closed(void *userdata) {
        Manager *manager = userdata;

        (void)link_monitor_catch_up(manager->monitor);
}

static int open_parts(Manager *manager, sd_event *event) {
        int r;

        r = netlink_open(&manager->netlink, NETLINK_ROUTE);
        if (r < 0)
                return r;
        r = closer_new(&manager->closer, CLOSER_THREADS);
        if (r < 0)
                return r;
        r = linger_new(&manager->linger, event, manager->closer, on_closed, manager);
        if (r < 0)
                return r;
        r = quota_new(&manager->quota);
        if (r < 0)
                return r;
        r = reconciler_new(&manager->reconciler, event);
        if (r < 0)
                return r;
        r = networks_new(&manager->networks,
                        &(NetworksParts){ manager->netlink, manager->closer, manager->reconciler,
                                        event },
                        &manager_networks_observer, manager);
        if (r < 0)
                return r;
        r = manager_guard_begin(manager, event);
        if (r < 0)
                return r;
        r = manager_watch_filters(manager, event);
        if (r < 0)
                return r;
        r = offload_watch_new(&manager->offload_watch, event, on_offloads, manager);
        if (r < 0)
                return r;
        return sd_event_add_io(event, &manager->closer_source, closer_fd(manager->closer), EPOLLIN,
                        on_closer, manager);
}

int manager_new(Manager **ret, sd_event *event, const ManagerObserver *observer, void *userdata) {
        _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(Manager));
        int r;

        if (!manager)
                return -ENOMEM;
        registry_init(&manager->registry);
        list_init(&manager->changed);
        list_init(&manager->condemned);
        list_init(&manager->bridges);
        manager->event = sd_event_ref(event);
        manager->facts.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
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
        if (manager->strays == 0)
                networks_remove_orphans(manager->networks);
        networks_settle(manager->networks);
        networks_check_checksums(manager->networks);
        networks_find_old_leases(manager->networks);
        manager_adopt_bridges(manager);
        manager->started = true;
        networks_start(manager->networks);
        *ret = TAKE_PTR(manager);
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;
        /* What is being deleted is deleted to the end, and who waits for it is told. */
        sd_event_source_disable_unref(manager->closer_source);
        sd_event_source_disable_unref(manager->again);
        if (manager->networks)
                networks_stop_checking_firewalls(manager->networks);
        manager_close_sources(manager);
        linger_stop(manager->linger);
        manager->stopping = true;
        networks_stop(manager->networks);
        closer_free(manager->closer);
        manager_leave_filters(manager);
        linger_free(manager->linger);
        if (manager->monitor)
                (void)link_monitor_catch_up(manager->monitor);
        link_monitor_free(manager->monitor);
        registry_done(&manager->registry);
        host_bridges_sweep(&manager->bridges);
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
        const ManagerFacts before = manager->facts;
        Failure failure = FAILURE_INIT;
        bool changed;
        int r;

        manager_open_sources(manager);
        (void)manager_make_tap_filters(manager);
        if (manager->started)
                networks_check_firewalls(manager->networks);
        r = probe_host(manager, &failure);
        changed = memcmp(&before, &manager->facts, sizeof(before)) != 0;
        if (r < 0)
                log_warning("Cannot find out what taps this host offers: %s" SEE_DOCTOR,
                                failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        return changed ? 1 : r;
}

Networks *manager_networks(Manager *manager) {
        return manager->networks;
}

const ManagerFacts *manager_facts(const Manager *manager) {
        return &manager->facts;
}

/* It is being deleted, or may be there only because of our own copies of its queues. NULL: it
 * stays. */
static List *watches_of_end(const Manager *manager, Endpoint *endpoint) {
        if (endpoint->releasing || endpoint->dying)
                return &endpoint->watches;
        return linger_watches(manager->linger, endpoint->tag.uid, &endpoint->tag.nonce);
}

int manager_wait_for_own(const Manager *manager, const Client *client, List **ret_blocked_on,
                const Failure *refusal, int error, Failure *failure) {
        List *watches = linger_watches(manager->linger, client->uid, NULL);

        if (watches) {
                *ret_blocked_on = watches;
                return PLACEMENT_BLOCKED;
        }
        *failure = *refusal;
        return error;
}

static bool waits_with_mac(Manager *manager, const Endpoint *endpoint, const Mac *mac) {
        return group_is_held(endpoint->now.group) && endpoint->tag.anti_spoof &&
                        mac_equal(&endpoint->tag.guest_mac, mac) && endpoint_is_alive(endpoint) &&
                        !endpoint->releasing &&
                        link_get(manager->netlink, endpoint->now.ifindex, &(LinkInfo){ 0 }, NULL) >=
                        0;
}

/* An endpoint that belongs on the bridge and is off it has no entry there: the MAC is its guest's
 * all the same. */
static const Endpoint *find_waiting_with_mac(
                Manager *manager, const LinkInfo *bridge, const Mac *mac) {
        const Network *network = networks_at(manager->networks, bridge->ifindex);
        const HostBridge *host = network ? NULL : host_bridge_find(&manager->bridges, bridge->name);

        if (network)
                LIST_FOREACH(&network->endpoints, node) {
                        const Endpoint *endpoint = container_of(node, Endpoint, on_network.link);

                        if (waits_with_mac(manager, endpoint, mac))
                                return endpoint;
                }
        if (host)
                LIST_FOREACH(&host->endpoints, node) {
                        const Endpoint *endpoint = container_of(node, Endpoint, on_bridge);

                        if (waits_with_mac(manager, endpoint, mac))
                                return endpoint;
                }
        return NULL;
}

static int check_who_waits(
                Manager *manager, const LinkInfo *bridge, const Mac *mac, Failure *failure) {
        const Endpoint *endpoint = find_waiting_with_mac(manager, bridge, mac);
        char text[MAC_TEXT_SIZE];

        if (!endpoint)
                return PLACEMENT_OK;
        return failure_set(failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                        "The MAC %s is that of the guest of %s, which belongs on the bridge \"%s\" and is off it for now. Choose another guest_mac, or leave it out.",
                        mac_format(mac, text), endpoint->now.name, bridge->name);
}

static int check_mac(Manager *manager, const LinkInfo *bridge, const Mac *mac,
                List **ret_blocked_on, Failure *failure) {
        char text[MAC_TEXT_SIZE], port_name[IFNAMSIZ];
        Failure lookup = FAILURE_INIT;
        Endpoint *endpoint;
        FdbEntry entry;
        List *watches;
        int r;

        r = bridge_find_mac(manager->netlink, bridge->ifindex, mac, &entry, &lookup);
        if (r == -ENOENT && bridge->vlan > 0)
                r = bridge_find_mac_in_vlan(manager->netlink, bridge->ifindex, mac, bridge->vlan,
                                &entry, &lookup);
        if (r == -ENOENT)
                return check_who_waits(manager, bridge, mac, failure);
        if (r == -ENODEV)
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "The bridge \"%s\" was deleted or replaced meanwhile. Ask again.",
                                bridge->name);
        if (r < 0)
                return failure_set(failure, lookup.kind, -r, "%s", lookup.text);

        endpoint = registry_by_ifindex(&manager->registry, entry.port);
        watches = endpoint && ret_blocked_on ? watches_of_end(manager, endpoint) : NULL;
        if (watches) {
                *ret_blocked_on = watches;
                return PLACEMENT_BLOCKED;
        }
        link_name(manager->netlink, entry.port, port_name);
        if (!endpoint && entry.learnt) {
                (void)failure_set(failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                                "The bridge \"%s\" has seen the MAC %s behind %s of late. If the guest has moved here, whoever manages endpoints may take it over, and others where AllowLearntMacs= lists the bridge (vnicd.conf(5)). Else choose another guest_mac, or leave it out.",
                                bridge->name, mac_format(mac, text), port_name);
                return PLACEMENT_LEARNT;
        }
        return failure_set(failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                        "The bridge \"%s\" knows the MAC %s already, behind %s. Choose another guest_mac, or leave it out.",
                        bridge->name, mac_format(mac, text), port_name);
}

int manager_check_mac(Manager *manager, const LinkInfo *bridge, const Mac *guest_mac,
                List **ret_blocked_on, Failure *failure) {
        const Mac host_mac = mac_of_host_side(guest_mac);
        int guest, host;

        guest = check_mac(manager, bridge, guest_mac, ret_blocked_on, failure);
        if (guest < 0 || guest == PLACEMENT_BLOCKED)
                return guest;
        host = check_mac(manager, bridge, &host_mac, ret_blocked_on, failure);
        return host == PLACEMENT_OK ? guest : host;
}

/* A set that the kernel would take on some host, but not on this one or not with this header. */
static int check_offloads(const Manager *manager, const TapRequest *request, Failure *failure) {
        uint32_t able = offload_for_header(manager->facts.offloads.mask, request->vnet_hdr_size);
        const char *missing[OFFLOAD_NAMES_MAX + 1];

        if ((request->offloads & ~able) == 0)
                return 0;
        offload_names(request->offloads & ~able, missing);
        return failure_set(failure, FAILURE_OFFLOAD_UNSUPPORTED, EOPNOTSUPP,
                        "The offload \"%s\" was asked for, and %s. Leave it out.", *missing,
                        request->offloads & ~manager->facts.offloads.mask
                                        ? "this host's kernel does not have it"
                                        : "a header of this size has no room for it: set vnet_hdr_size to 24");
}

static int check_quota(Manager *manager, const Client *client, unsigned queues,
                List **ret_blocked_on, Failure *failure) {
        Failure refusal = FAILURE_INIT;
        int r = quota_check(manager->quota, client->uid, &client->limits, 1, queues, &refusal);

        if (r == -EDQUOT)
                return manager_wait_for_own(manager, client, ret_blocked_on, &refusal, r, failure);
        if (r < 0)
                *failure = refusal;
        return r;
}

static int check_label(Manager *manager, const TapRequest *request, const Client *client,
                List **ret_blocked_on, Failure *failure) {
        Endpoint *endpoint = *request->label
                        ? manager_find_label(manager, client->uid, request->label)
                        : NULL;
        List *watches = endpoint && !endpoint->releasing ? watches_of_end(manager, endpoint) : NULL;

        if (!endpoint)
                return 0;
        if (watches) {
                *ret_blocked_on = watches;
                return PLACEMENT_BLOCKED;
        }
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "You have an endpoint with the label \"%s\" already. Choose another one, or release it first.",
                        request->label);
}

int manager_look(Manager *manager, const TapRequest *request, const Client *client, Place *ret,
                List **ret_blocked_on, Failure *failure) {
        Place place = { 0 };
        int r;

        *ret = place;
        *ret_blocked_on = NULL;
        r = check_quota(manager, client, request->queues, ret_blocked_on, failure);
        if (r != PLACEMENT_OK)
                return r;
        r = check_label(manager, request, client, ret_blocked_on, failure);
        if (r != PLACEMENT_OK)
                return r;
        r = check_offloads(manager, request, failure);
        if (r < 0)
                return r;
        r = manager_look_at_place(manager, request, client, &place, ret_blocked_on, failure);
        if (r == PLACEMENT_OK)
                *ret = place;
        return r;
}

int manager_release(Manager *manager, Endpoint *endpoint, RemovalWaiter *watch) {
        int r = manager_delete(manager, endpoint, ENDPOINT_END_RELEASED);

        if (r >= 0)
                endpoint_watch(endpoint, watch);
        return r;
}

void manager_take_back(Manager *manager, Endpoint *endpoint) {
        if (manager_delete(manager, endpoint, ENDPOINT_END_RELEASED) < 0)
                log_warning("Out of memory: %s may be left behind", endpoint->now.name);
}

void manager_close_queues(Manager *manager, uid_t uid, uint32_t nonce, FdSet *queues) {
        linger_close(manager->linger, uid, nonce, queues);
}

const char *manager_bridge_of(
                Manager *manager, const Endpoint *endpoint, char buffer[static IFNAMSIZ]) {
        return link_name(manager->netlink, endpoint->now.master, buffer);
}

void manager_run(Manager *manager, CloserJob *job) {
        closer_submit(manager->closer, job);
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
        return endpoint && !endpoint->dying ? endpoint : NULL;
}

Endpoint *manager_find_label(Manager *manager, uid_t uid, const char *label) {
        return registry_by_label(&manager->registry, uid, label);
}

Endpoint *manager_next(Manager *manager, const Endpoint *after) {
        const List *end = &manager->registry.endpoints;
        List *node = after ? after->link.next : end->next;

        while (node != end && container_of(node, Endpoint, link)->dying)
                node = node->next;
        return node == end ? NULL : container_of(node, Endpoint, link);
}
