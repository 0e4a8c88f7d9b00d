/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which MACs the guests of networks use. A port of a network is locked to one MAC from its first
 * moment. If CreateTap was not given one, a generated one has the static FDB entry, and whoever
 * starts the guest should configure it; many do not: a bridge helper cannot. So the first other
 * source MAC replaces the generated one, once, if it would have been accepted from CreateTap. From
 * then on, and where a MAC was given, a foreign source MAC is warned of, once.
 *
 * The reports come from guests that may be hostile: the filter limits how many there are
 * (networks/network-filter), nothing is learnt from them but what gets a static entry here, and the
 * kernel says which port they came by.
 */
#include "taps/guest-sources.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "networks/network-filter.h"
#include "networks/network-leases.h"
#include "taps/manager-private.h"
#include "taps/placement.h"

/* Reports read in one go; the rest is read when others have had their turn. */
#define READS_AT_ONCE 64

/* A generated MAC that has been in use for so long was configured in the guest, and is its own: no
 * frame of a nested machine replaces it any more. */
#define SETTLED_AFTER_USEC (60 * UINT64_C(1000000))

TapSources manager_sources_for(const Manager *manager, bool locked, bool generated) {
        if (!locked)
                return TAP_SOURCES_UNTOLD;
        return generated && manager->capabilities.sources == SOURCES_TOLD ? TAP_SOURCES_AWAITED
                                                                          : TAP_SOURCES_WATCHED;
}

/* The link's event updates the record and its warnings. */
static void set_sources(Manager *manager, Endpoint *endpoint, TapSources sources) {
        const uint32_t group = group_with_sources(endpoint->now.group, sources);
        Failure failure = FAILURE_INIT;
        int r = link_set_group(manager->netlink, endpoint->now.ifindex, group, &failure);

        if (r < 0 && r != -ENODEV)
                log_warning("Cannot say which source MACs of %s are to be told: %s",
                                endpoint->now.name, failure.text);
        /* The next report may be from the same moment. */
        if (r >= 0)
                endpoint->now.group = group;
}

/* Sets tag, host-side MAC and group in one message, so that they agree whenever the service ends.
 */
static int write_guest_mac(Manager *manager, const Endpoint *endpoint, const Tag *tag) {
        char text[TAG_SIZE];
        const LinkSettings settings = {
                .alias = tag_format(tag, text),
                .mac = mac_of_host_side(&tag->guest_mac),
                .group = group_with_sources(endpoint->now.group, TAP_SOURCES_WATCHED),
        };
        Failure failure = FAILURE_INIT;
        int r = link_configure(manager->netlink, endpoint->now.ifindex, &settings, &failure);

        if (r < 0 && r != -ENODEV)
                log_warning("Cannot take over the MAC of %s's guest: %s", endpoint->now.name,
                                failure.text);
        return r;
}

/* The tag says so, so that no other MAC is awaited when the tap has been off its bridge. */
static void settle(Manager *manager, Endpoint *endpoint) {
        Tag tag = endpoint->tag;

        tag.mac_state = MAC_TOLD;
        if (write_guest_mac(manager, endpoint, &tag) < 0)
                return;
        endpoint->tag = tag;
        endpoint->now.group = group_with_sources(endpoint->now.group, TAP_SOURCES_WATCHED);
}

static void hear_own(Manager *manager, Endpoint *endpoint) {
        const uint64_t now = clock_now_usec();

        if (group_sources(endpoint->now.group) != TAP_SOURCES_AWAITED)
                return;
        if (endpoint->mac_heard_at == 0)
                endpoint->mac_heard_at = now;
        else if (now - endpoint->mac_heard_at >= SETTLED_AFTER_USEC)
                settle(manager, endpoint);
}

/* Whether the port has a static entry of that MAC, other than the link's own: the service ended in
 * the middle of add_source(). */
static bool has_static_entry(Manager *manager, const Endpoint *endpoint, const Mac *source) {
        FdbEntry entry;

        return !mac_equal(source, &endpoint->now.mac) &&
                        bridge_find_mac(manager->netlink, endpoint->now.master, source, &entry,
                                        NULL) >= 0 &&
                        entry.port == endpoint->now.ifindex && !entry.learnt;
}

/* Checks the MAC as if it had been given, then adds the entry, which the kernel refuses if another
 * port was quicker. A refused MAC is reported again with the guest's next frame. */
static int add_source(Manager *manager, const Endpoint *endpoint, const Mac *source) {
        LinkInfo bridge;
        int r;

        if (!mac_is_usable(source))
                return -EINVAL;
        if (has_static_entry(manager, endpoint, source))
                return 0;
        r = link_get(manager->netlink, endpoint->now.master, &bridge, NULL);
        if (r >= 0)
                r = placement_check_mac(manager, &bridge, source, NULL, &(Failure){ 0 });
        /* One that was only learnt is refused, too: nobody was asked whether it may be taken over.
         */
        if (r != PLACEMENT_OK)
                return r < 0 ? r : -EADDRINUSE;
        return fdb_add_static(manager->netlink, endpoint->now.ifindex, source, false, NULL);
}

/* Lets the new MAC pass before the old one stops passing. */
static void replace_mac(Manager *manager, Endpoint *endpoint, const Mac *source) {
        const Mac before = endpoint->tag.guest_mac;
        const int ifindex = endpoint->now.ifindex;
        char text[MAC_TEXT_SIZE];
        Tag tag = endpoint->tag;
        LeaseGuest guest;

        if (add_source(manager, endpoint, source) < 0)
                return;
        tag.guest_mac = *source;
        tag.mac_state = MAC_TOLD;
        if (write_guest_mac(manager, endpoint, &tag) < 0) {
                (void)fdb_delete_static(manager->netlink, ifindex, source, NULL);
                return;
        }
        endpoint->tag = tag;
        endpoint->vlans = 0; /* no VLAN has an entry of the new one */
        /* Older events, with the old MAC, may still come. */
        endpoint->tamper.restoring = true;
        (void)fdb_delete_static(manager->netlink, ifindex, &before, NULL);
        /* A guest with a MAC of its own comes back with it. */
        endpoint->may_return = true;
        guest = endpoint_guest(endpoint);
        networks_lease_moves(manager->networks, endpoint->network, &guest, &before);
        endpoint->changes |= ENDPOINT_CHANGED_GUEST_MAC;
        if (list_is_empty(&endpoint->changed))
                list_append(&manager->changed, &endpoint->changed);
        log_info("The guest of %s uses the MAC %s, which is its own now", endpoint->now.name,
                        mac_format(source, text));
}

/* The port drops this frame and all that follow. */
static void warn_of_source(Manager *manager, Endpoint *endpoint, const Mac *source) {
        char text[MAC_TEXT_SIZE], own[MAC_TEXT_SIZE];

        if (endpoint_has_anti_spoof(endpoint))
                log_warning("Frames from %s by %s are dropped, as all but those of its guest's MAC, %s",
                                mac_format(source, text), endpoint->now.name,
                                mac_format(&endpoint->tag.guest_mac, own));
        set_sources(manager, endpoint, TAP_SOURCES_UNTOLD);
}

static void on_source(int ifindex, const Mac *source, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint = registry_by_ifindex(&manager->registry, ifindex);

        if (!endpoint || endpoint->state != ENDPOINT_LIVE || !endpoint->network ||
                        endpoint->now.master != endpoint->network->ifindex ||
                        group_is_held(endpoint->now.group))
                return;
        if (mac_equal(source, &endpoint->tag.guest_mac)) {
                hear_own(manager, endpoint);
                return;
        }
        switch (group_sources(endpoint->now.group)) {
        case TAP_SOURCES_AWAITED:
                if (endpoint->tag.mac_state == MAC_GENERATED && endpoint_has_anti_spoof(endpoint))
                        replace_mac(manager, endpoint, source);
                break;
        case TAP_SOURCES_WATCHED:
                warn_of_source(manager, endpoint, source);
                break;
        case TAP_SOURCES_UNTOLD:
                break;
        }
}

void manager_lose_sources(Manager *manager) {
        if (manager->capabilities.sources == SOURCES_UNSUPPORTED)
                return;
        manager->capabilities.sources = SOURCES_UNSUPPORTED;
        networks_set_sources(manager->networks, false);
        if (manager->observer && manager->state != MANAGER_STARTING)
                manager->observer->capabilities_changed(manager->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *manager = userdata;
        int r = 1;

        for (unsigned i = 0; i < READS_AT_ONCE && r > 0; i++)
                r = packet_log_read(manager->sources, on_source, manager);
        if (r < 0) {
                log_error("Guests' MACs are told no longer: %s", strerror(-r));
                manager_close_sources(manager);
                manager_lose_sources(manager);
        }
        return 0;
}

static int open_log(Manager *manager) {
        int r = packet_log_open(&manager->sources, SOURCE_LOG_GROUP);

        if (r < 0)
                return r;
        r = sd_event_add_io(manager->event, &manager->sources_readable,
                        packet_log_fd(manager->sources), EPOLLIN, on_readable, manager);
        if (r < 0)
                manager->sources = packet_log_close(manager->sources);
        return r;
}

void manager_open_sources(Manager *manager) {
        int r;

        if (manager->sources)
                return;
        r = open_log(manager);
        manager->capabilities.sources = r >= 0 ? SOURCES_TOLD
                        : r == -EBUSY          ? SOURCES_TAKEN
                                               : SOURCES_UNSUPPORTED;
        networks_set_sources(
                        manager->networks, manager->capabilities.sources != SOURCES_UNSUPPORTED);
        if (r < 0)
                log_warning("Guests on networks have to use the MAC that CreateTap told: what they use instead cannot be heard by group %u of nfnetlink_log: %s",
                                SOURCE_LOG_GROUP, strerror(-r));
}

void manager_close_sources(Manager *manager) {
        manager->sources_readable = sd_event_source_disable_unref(manager->sources_readable);
        manager->sources = packet_log_close(manager->sources);
}
