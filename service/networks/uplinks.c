/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/uplinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/debounce.h"
#include "common/reconcile.h"
#include "kernel/filter.h"
#include "kernel/forwarding.h"
#include "kernel/route-events.h"
#include "networks/network-health.h"
#include "networks/uplink-filter.h"
#include "networks/uplink-switch.h"

DEFINE_CLEANUP(Uplinks, uplinks_free)

/* Routes change in bursts (common/debounce). The end of something can wait: until then a device
 * forwards for guests that do not use it any more. */
#define PAUSE_OF_END_USEC (1000 * 1000)

/* What has failed is tried again without an event, which may never come. */
#define RETRY_USEC (1 * USEC_PER_SEC)
#define RETRY_MOST (60 * USEC_PER_SEC)

/* Somebody else may take so long to switch IPv6 on again. */
#define V6_PATIENCE_USEC (5 * USEC_PER_SEC)

struct Uplinks {
        sd_event *event;
        const List *networks; /* Network.link */
        sd_event_source *readable;
        Debounce *look;
        int fd;                  /* of kernel/route-events, while there is a network */
        UplinkSwitch ours;       /* those that we have switched on */
        Egress egress;           /* as of the last look */
        unsigned egress_changes; /* uplinks_egress_changes() */
        char *filtered;          /* the rules of its table; NULL: not known yet */
        unsigned made;           /* how often it was */
        uint64_t retry;          /* the last pause before another attempt, in µs; 0: none */
        RestoreLimit forwarding; /* for what somebody switches off */
};

static bool is_of_network(const Uplinks *uplinks, int ifindex) {
        LIST_FOREACH(uplinks->networks, node)
                if (container_of(node, Network, link)->ifindex == ifindex)
                        return true;
        return false;
}

/* Each new tap causes events about its settings, which do not matter here. */
static bool concerns(const Uplinks *uplinks, int ifindex) {
        return ifindex < 0 || device_set_has(&uplinks->egress.v4, ifindex) ||
                        device_set_has(&uplinks->ours.marked, ifindex) ||
                        uplinks_contain(&uplinks->ours.listed, ifindex) ||
                        is_of_network(uplinks, ifindex);
}

static void on_event(const RouteEvent *event, void *userdata) {
        Uplinks *uplinks = userdata;

        switch (event->kind) {
        case ROUTE_EVENT_NEW:
                if (egress_is_news(&uplinks->egress, &event->route) ||
                                network_health_is_concerned(uplinks->networks, &event->route))
                        debounce_later(uplinks->look, DEBOUNCE_USEC);
                break;
        case ROUTE_EVENT_GONE:
                debounce_later(uplinks->look,
                                event->route.on_link || route_is_default(&event->route)
                                                ? DEBOUNCE_USEC
                                                : PAUSE_OF_END_USEC);
                break;
        case ROUTE_EVENT_FORWARDING:
                if (concerns(uplinks, event->ifindex))
                        debounce_later(uplinks->look, DEBOUNCE_USEC);
                break;
        case ROUTE_EVENT_ADDRESS:
        case ROUTE_EVENT_LOST:
                debounce_later(uplinks->look, DEBOUNCE_USEC);
                break;
        case ROUTE_EVENT_NONE:
        case ROUTE_EVENT_KIND_MAX:
                break;
        }
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        route_events_read(fd, on_event, userdata);
        return 0;
}

int uplinks_new(Uplinks **ret, sd_event *event, const List *networks, uplinks_due_t due,
                void *userdata) {
        _cleanup_(uplinks_freep) Uplinks *uplinks = calloc(1, sizeof(Uplinks));
        int r;

        if (!uplinks)
                return -ENOMEM;
        *uplinks = (Uplinks){
                .event = sd_event_ref(event),
                .networks = networks,
                .fd = -EBADF,
        };
        r = debounce_new(&uplinks->look, event, due, userdata);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(uplinks);
        return 0;
}

static void unwatch(Uplinks *uplinks) {
        uplinks->readable = sd_event_source_disable_unref(uplinks->readable);
        close_fd(uplinks->fd);
        uplinks->fd = -EBADF;
}

Uplinks *uplinks_free(Uplinks *uplinks) {
        if (!uplinks)
                return NULL;
        unwatch(uplinks);
        debounce_free(uplinks->look);
        sd_event_unref(uplinks->event);
        uplink_switch_done(&uplinks->ours);
        egress_done(&uplinks->egress);
        free(uplinks->filtered);
        free(uplinks);
        return NULL;
}

static int watch(Uplinks *uplinks) {
        int r;

        if (uplinks->fd >= 0)
                return 0;
        r = route_events_open();
        if (r < 0)
                return r;
        uplinks->fd = r;
        r = sd_event_add_io(uplinks->event, &uplinks->readable, uplinks->fd, EPOLLIN, on_readable,
                        uplinks);
        if (r < 0)
                unwatch(uplinks);
        return r;
}

static bool needs_egress(const Network *network) {
        return network->tag.plan.kind == NETWORK_NAT && network_is_up(network);
}

static bool is_any_up(const List *networks) {
        LIST_FOREACH(networks, node)
                if (network_is_up(container_of(node, Network, link)))
                        return true;
        return false;
}

/* The network whose tag lists devices: the oldest. NULL: none needs any. */
static Network *tag_owner_of(const List *networks) {
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                if (needs_egress(network))
                        return network;
        }
        return NULL;
}

static bool is_guarded(const List *networks) {
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);

                if (needs_egress(network) && network->tag.guard_v6)
                        return true;
        }
        return false;
}

bool uplinks_should_guard_v6(Netlink *netlink, const List *networks) {
        bool on;

        return is_guarded(networks) ||
                        (forwarding_get(netlink, AF_INET6, FORWARDING_ALL, &on, NULL) >= 0 && !on);
}

int uplinks_find(Uplinks *uplinks, Netlink *netlink) {
        int r = uplink_switch_find(&uplinks->ours, netlink);

        return r < 0 ? r : uplinks->ours.marked.n > 0;
}

/* What an update is based on. */
typedef struct ForwardingPlan {
        Egress egress;
        UplinkSwitch wanted; /* what we have to switch on */
        int *lan_blocked;    /* bridges of networks that may not reach the LAN; ends with 0 */
        int undone;          /* a device that somebody has switched off; 0: none */
} ForwardingPlan;

static void forwarding_plan_done(ForwardingPlan *forwarding) {
        egress_done(&forwarding->egress);
        uplink_switch_done(&forwarding->wanted);
        free(forwarding->lan_blocked);
}

/* Also while it ends: its guests are there as long as their taps. */
static bool is_kept_from_lan(const Network *network) {
        return network->tag.plan.kind == NETWORK_NAT && !network->tag.plan.reach_lan &&
                        network->state != NETWORK_GONE && network->ifindex > 0;
}

static int find_lan_blocked(const List *networks, int **ret) {
        size_t n = 0;
        int *lan_blocked;

        LIST_FOREACH(networks, node)
                n += is_kept_from_lan(container_of(node, Network, link));
        lan_blocked = n > 0 ? calloc(n + 1, sizeof(int)) : NULL;
        if (n > 0 && !lan_blocked)
                return -ENOMEM;
        *ret = lan_blocked;
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);

                if (is_kept_from_lan(network))
                        *lan_blocked++ = network->ifindex;
        }
        return 0;
}

static int look_at_addresses(Uplinks *uplinks, Netlink *netlink, Failure *failure) {
        _cleanup_(address_list_done) AddressList addresses = { .addresses = NULL };
        int r = address_list_read(&addresses, netlink, failure);

        if (r >= 0)
                network_health_see_addresses(uplinks->networks, &addresses);
        return r;
}

/* vnicd-network-forward switches it on, and on again if need be, and gets the time for that. */
static void judge_v6(Uplinks *uplinks, Network *network, bool on) {
        const uint64_t now = clock_now_usec();

        network->forwards_v6 |= on;
        if (on || !network->forwards_v6) {
                network->v6_off_at = 0;
                network_warn(network, NETWORK_WARNING_FORWARDING_V6, NULL);
                return;
        }
        if (network->v6_off_at == 0)
                network->v6_off_at = now;
        if (now - network->v6_off_at < V6_PATIENCE_USEC)
                debounce_at(uplinks->look, network->v6_off_at + V6_PATIENCE_USEC);
        else
                network_warn(network, NETWORK_WARNING_FORWARDING_V6,
                                "IPv6 was forwarded for the network and is not any more: guests reach nothing outside by it. Somebody switches it off (net.ipv6.conf.*.forwarding), or its vnicd-network-forward@ service has ended.");
}

static void look_at_v6(Uplinks *uplinks, Netlink *netlink) {
        LIST_FOREACH(uplinks->networks, node) {
                Network *network = container_of(node, Network, link);
                bool on;

                if (needs_egress(network) && network->tag.plan.v6_prefix > 0 &&
                                forwarding_get(netlink, AF_INET6, network->ifindex, &on, NULL) >= 0)
                        judge_v6(uplinks, network, on);
        }
}

static int look_around(Uplinks *uplinks, Netlink *netlink, ForwardingPlan *ret, Failure *failure) {
        int r;

        network_health_begin(uplinks->networks);
        r = egress_look(&ret->egress, netlink, uplinks->networks, failure);
        if (r >= 0)
                r = look_at_addresses(uplinks, netlink, failure);
        if (r >= 0)
                network_health_tell(uplinks->networks);
        look_at_v6(uplinks, netlink);
        return r;
}

/* What an earlier run has listed is ours as well. */
static void take_over(Uplinks *uplinks) {
        LIST_FOREACH(uplinks->networks, node) {
                const NetworkUplinks *set = &container_of(node, Network, link)->tag.uplinks;

                for (size_t i = 0; i < set->n; i++)
                        if (!device_set_has(&uplinks->ours.marked, set->ifindexes[i]))
                                uplinks_add(&uplinks->ours.listed, set->ifindexes[i]);
        }
}

static bool listed_equal(const NetworkUplinks *a, const NetworkUplinks *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->ifindexes[i] != b->ifindexes[i])
                        return false;
        return true;
}

/* Only what is written counts: nothing else would be found after a crash, and the next update tries
 * again. */
static int write_tag(Network *network, const NetworkUplinks *uplinks, Netlink *netlink,
                Failure *failure) {
        const NetworkUplinks before = network->tag.uplinks;
        int r;

        network->tag.uplinks = *uplinks;
        r = network_write_tag(network, netlink, failure);
        if (r < 0)
                network->tag.uplinks = before;
        return r;
}

static int write_tags(Network *tag_owner, const NetworkUplinks *wanted, const List *networks,
                Netlink *netlink, Failure *failure) {
        static const NetworkUplinks none = { .n = 0 };
        int r = 0;

        if (tag_owner && !listed_equal(&tag_owner->tag.uplinks, wanted))
                r = write_tag(tag_owner, wanted, netlink, failure);
        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);

                if (r < 0 || network == tag_owner || network->tag.uplinks.n == 0)
                        continue;
                if (network_is_ending(network))
                        network->tag.uplinks = none;
                else
                        r = write_tag(network, &none, netlink, failure);
        }
        return r;
}

static int collect_devices(const UplinkSwitch *devices, DeviceSet *ret) {
        int r = 0;

        for (size_t i = 0; i < devices->marked.n && r >= 0; i++)
                r = device_set_add(ret, devices->marked.ifindexes[i]);
        for (size_t i = 0; i < devices->listed.n && r >= 0; i++)
                r = device_set_add(ret, devices->listed.ifindexes[i]);
        return r;
}

static int write_filter(const ForwardingPlan *forwarding, bool v6, char **ret) {
        _cleanup_(device_set_done) DeviceSet devices = { .ifindexes = NULL };
        const UplinkFilter filter = {
                .devices4 = &devices,
                .devices6 = v6 ? &forwarding->egress.v6 : NULL,
                .lan_blocked = forwarding->lan_blocked,
                .on_link4 = forwarding->egress.on_link4,
                .on_link6 = forwarding->egress.on_link6,
        };
        int r = collect_devices(&forwarding->wanted, &devices);

        return r < 0 ? r : uplink_filter_rules(&filter, ret);
}

static int set_filter(
                Uplinks *uplinks, const ForwardingPlan *forwarding, bool v6, Failure *failure) {
        _cleanup_free_ char *rules = NULL;
        int r = write_filter(forwarding, v6, &rules);

        if (r < 0)
                return r;
        if (uplinks->filtered && strcmp(uplinks->filtered, rules) == 0)
                return 0;
        if (*rules == '\0')
                r = filter_apply(uplink_filter_removal, failure);
        else if (uplinks->filtered && *uplinks->filtered)
                r = filter_replace(rules, uplink_filter_removal, failure);
        else
                r = filter_create(rules, uplink_filter_removal, failure);
        if (r < 0)
                return r;
        free(uplinks->filtered);
        uplinks->filtered = TAKE_PTR(rules);
        uplinks->made++;
        return 0;
}

const Egress *uplinks_egress(const Uplinks *uplinks) {
        return &uplinks->egress;
}

unsigned uplinks_egress_changes(const Uplinks *uplinks) {
        return uplinks->egress_changes;
}

unsigned uplinks_filter_made(const Uplinks *uplinks) {
        return uplinks->made;
}

bool uplinks_have_filter(const Uplinks *uplinks) {
        return uplinks->filtered && *uplinks->filtered;
}

/* No rules begin like this, so the table is replaced by what it should be. */
void uplinks_forget_filter(Uplinks *uplinks) {
        if (uplinks_have_filter(uplinks))
                *uplinks->filtered = '#';
}

static int switch_bridges(const List *networks, Netlink *netlink, Failure *failure) {
        int r = 0;

        LIST_FOREACH(networks, node) {
                Network *network = container_of(node, Network, link);
                bool on = false;

                if (r < 0 || !needs_egress(network))
                        continue;
                if (forwarding_get(netlink, AF_INET, network->ifindex, &on, NULL) < 0 || !on)
                        r = forwarding_set(netlink, network->ifindex, true, failure);
                network->forwards_v4 = r >= 0;
                r = r == -ENODEV ? 0 : r;
        }
        return r;
}

/* A bridge for which we had switched forwarding on, and for which it is off; 0: none. */
static int find_undone_bridge(const List *networks, Netlink *netlink) {
        LIST_FOREACH(networks, node) {
                const Network *network = container_of(node, Network, link);
                bool on;

                if (needs_egress(network) && network->forwards_v4 &&
                                forwarding_get(netlink, AF_INET, network->ifindex, &on, NULL) >=
                                                0 &&
                                !on)
                        return network->ifindex;
        }
        return 0;
}

/* Whether forwarding may be switched on: after somebody has switched it off, only a few times, and
 * again when the limit permits. */
static bool may_switch_on(Uplinks *uplinks, const ForwardingPlan *forwarding) {
        if (forwarding->undone == 0 || restore_limit_take(&uplinks->forwarding, clock_now_usec()))
                return true;
        debounce_at(uplinks->look, restore_limit_next(&uplinks->forwarding));
        return false;
}

static void tell_forwarding(Uplinks *uplinks, Netlink *netlink, int undone) {
        LinkInfo device = { .name = "" };
        char text[320];

        if (undone > 0)
                (void)link_get(netlink, undone, &device, NULL);
        snprintf(text, sizeof(text),
                        "Somebody switches IPv4 forwarding off again and again (net.ipv4.conf.%s.forwarding, or net.ipv4.ip_forward): guests reach nothing there. Find out who does, and let it be.",
                        device.name);
        LIST_FOREACH(uplinks->networks, node) {
                Network *network = container_of(node, Network, link);

                if (needs_egress(network))
                        network_warn(network, NETWORK_WARNING_FORWARDING, undone > 0 ? text : NULL);
        }
}

/* The filter is in force before anything is switched on, and until it is off. */
static int switch_devices(Uplinks *uplinks, Netlink *netlink, const ForwardingPlan *forwarding,
                Failure *failure) {
        const bool allowed = may_switch_on(uplinks, forwarding);
        int r = 0;

        if (allowed)
                r = uplink_switch_on(&forwarding->wanted, netlink, failure);
        if (r >= 0 && allowed)
                r = switch_bridges(uplinks->networks, netlink, failure);
        tell_forwarding(uplinks, netlink, allowed ? 0 : forwarding->undone);
        return r;
}

/* of_others: no device has to be switched on; but the bridges of networks are ours. */
static int plan(Uplinks *uplinks, Netlink *netlink, bool of_others, ForwardingPlan *forwarding) {
        int r = 0;

        if (!of_others)
                r = uplink_switch_plan(&uplinks->ours, netlink, &forwarding->egress.v4,
                                &forwarding->wanted, &forwarding->undone);
        network_tag_fit_uplinks(&tag_owner_of(uplinks->networks)->tag, &forwarding->wanted.listed);
        if (forwarding->undone == 0)
                forwarding->undone = find_undone_bridge(uplinks->networks, netlink);
        return r;
}

/* Keeps what was carried out. */
static void keep(Uplinks *uplinks, ForwardingPlan *forwarding) {
        uplinks->egress_changes += tag_owner_of(uplinks->networks) &&
                        !(device_set_equal(&uplinks->egress.v4, &forwarding->egress.v4) &&
                                        device_set_equal(&uplinks->egress.v6,
                                                        &forwarding->egress.v6));
        uplink_switch_done(&uplinks->ours);
        egress_done(&uplinks->egress);
        uplinks->ours = forwarding->wanted;
        uplinks->egress = forwarding->egress;
        forwarding->wanted = (UplinkSwitch){ .listed = { .n = 0 } };
        forwarding->egress = (Egress){ .on_link4 = { NULL } };
}

static int carry_out(Uplinks *uplinks, Netlink *netlink, ForwardingPlan *forwarding, bool of_others,
                Failure *failure) {
        const List *networks = uplinks->networks;
        int r = uplink_switch_off(&uplinks->ours, &forwarding->wanted, netlink, of_others, failure);

        if (r >= 0)
                r = write_tags(tag_owner_of(networks), &forwarding->wanted.listed, networks,
                                netlink, failure);
        if (r >= 0)
                r = set_filter(uplinks, forwarding, is_guarded(networks), failure);
        if (r >= 0)
                r = switch_devices(uplinks, netlink, forwarding, failure);
        if (r >= 0)
                keep(uplinks, forwarding);
        return r;
}

static int update(Uplinks *uplinks, Netlink *netlink, Failure *failure) {
        _cleanup_(forwarding_plan_done) ForwardingPlan forwarding = { .lan_blocked = NULL };
        const bool up = is_any_up(uplinks->networks), out = tag_owner_of(uplinks->networks) != NULL;
        bool of_others = false;
        int r = 0;

        take_over(uplinks);
        if (!out) /* with the last that needed it everything is as before */
                uplinks->forwarding = (RestoreLimit){ .oldest = 0 };
        if (up)
                r = watch(uplinks);
        else
                unwatch(uplinks);
        (void)forwarding_get(netlink, AF_INET, FORWARDING_ALL, &of_others, NULL);
        if (r >= 0)
                r = find_lan_blocked(uplinks->networks, &forwarding.lan_blocked);
        if (r >= 0 && (up || forwarding.lan_blocked))
                r = look_around(uplinks, netlink, &forwarding, failure);
        if (r >= 0 && out)
                r = plan(uplinks, netlink, of_others, &forwarding);
        return r < 0 ? r : carry_out(uplinks, netlink, &forwarding, of_others, failure);
}

static void try_again(Uplinks *uplinks, int error, const Failure *failure) {
        char text[sizeof(failure->text) + 160];

        uplinks->retry = uplinks->retry == 0 ? RETRY_USEC : 2 * uplinks->retry;
        if (uplinks->retry > RETRY_MOST)
                uplinks->retry = RETRY_MOST;
        debounce_at(uplinks->look, clock_now_usec() + uplinks->retry);
        snprintf(text, sizeof(text),
                        "Forwarding cannot be set up, and guests may reach nothing outside: %s It is tried again at least once a minute.",
                        failure->kind != FAILURE_NONE ? failure->text : strerror(-error));
        LIST_FOREACH(uplinks->networks, node) {
                Network *network = container_of(node, Network, link);

                if (needs_egress(network))
                        network_warn(network, NETWORK_WARNING_FORWARDING, text);
        }
}

int uplinks_update(Uplinks *uplinks, Netlink *netlink, Failure *failure) {
        int r = update(uplinks, netlink, failure);

        if (r < 0)
                try_again(uplinks, r, failure);
        else
                uplinks->retry = 0;
        return r;
}
