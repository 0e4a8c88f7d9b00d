/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which MACs the guests of networks use. A port of a network is locked to one from its first
 * moment. Where nobody gave one to CreateTap a generated one is tied, and whoever starts the guest
 * should tell it; many do not: a bridge helper has no way to. So the first other source MAC
 * replaces the generated one, once, if a given one could be that. Then, and where one was given, a
 * source that is none of the guest's is warned of, once.
 *
 * What is told comes from a guest that may be hostile: the filter limits how often
 * (networks/network-filter), nothing is learnt from it but what is tied here, and which port it
 * came by is the kernel's word.
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

/* Told of in one go; the rest when others had their turn. */
#define READS_AT_ONCE 64

/* A generated MAC that is in use for so long was told to the guest, and is its own: not a nested
 * machine's frame, nor anything else takes it away any more. */
#define SETTLED_AFTER_USEC (60 * UINT64_C(1000000))

TapSources manager_sources_for(const Manager *manager, bool locked, bool generated) {
        if (!locked)
                return TAP_SOURCES_UNTOLD;
        return generated && manager->capabilities.sources == SOURCES_TOLD ? TAP_SOURCES_AWAITED
                                                                          : TAP_SOURCES_WATCHED;
}

/* The link's event brings the record, and what it warns of, up to date. */
static void set_sources(Manager *manager, Endpoint *endpoint, TapSources sources) {
        const uint32_t group = group_with_sources(endpoint->now.group, sources);
        Failure failure = FAILURE_INIT;
        int r = link_set_group(manager->netlink, endpoint->now.ifindex, group, &failure);

        if (r < 0 && r != -ENODEV)
                log_warning("Cannot say which source MACs of %s are to be told: %s",
                                endpoint->now.name, failure.text);
        /* What is read next may come from the same moment. */
        if (r >= 0)
                endpoint->now.group = group;
}

/* The tag, the host side's MAC and the group in one step: whenever the service ends, they agree. */
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

/* Its tag says so: it is not awaited again when the tap has been off its bridge. */
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

/* A static entry of the port that is not of the link itself: the service ended in the middle of
 * add_source(). */
static bool has_static_entry(Manager *manager, const Endpoint *endpoint, const Mac *source) {
        FdbEntry entry;

        return !mac_equal(source, &endpoint->now.mac) &&
                        bridge_find_mac(manager->netlink, endpoint->now.master, source, &entry,
                                        NULL) >= 0 &&
                        entry.port == endpoint->now.ifindex && !entry.learnt;
}

/* The checks of a given MAC, then the tie, which the kernel refuses if another port was quicker. A
 * refused one is told again with the guest's next frame. */
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
        /* Nor one that was only learnt: nobody was asked whether it may be taken over. */
        if (r != PLACEMENT_OK)
                return r < 0 ? r : -EADDRINUSE;
        return fdb_add_static(manager->netlink, endpoint->now.ifindex, source, false, NULL);
}

/* First the new one passes, then the old one does no longer. */
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
        endpoint->vlans = 0; /* tied in none but by name of the port */
        /* Events from before, with the MAC of before, may still come. */
        endpoint->tamper.restoring = true;
        (void)fdb_delete_static(manager->netlink, ifindex, &before, NULL);
        /* Who has a MAC of its own comes back with it. */
        endpoint->may_return = true;
        guest = endpoint_guest(endpoint);
        networks_lease_moves(manager->networks, endpoint->network, &guest, &before);
        endpoint->changes |= ENDPOINT_CHANGED_GUEST_MAC;
        if (list_is_empty(&endpoint->changed))
                list_append(&manager->changed, &endpoint->changed);
        log_info("The guest of %s uses the MAC %s, which is its own now", endpoint->now.name,
                        mac_format(source, text));
}

/* Its port drops it, as it does all that follow. */
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
