/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/link.h"
#include "kernel/route.h"
#include "networks/group.h"
#include "networks/network-filter.h"

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

#define PORT_DNS         53
#define PORT_DHCP_SERVER 67
#define PORT_DHCP_CLIENT 68
#define PORT_HTTPS       443

#define DEVICES_MAX 8

/* The devices by which hosts outside are reached, of one family. */
typedef struct Ways {
        PacketDevice devices[DEVICES_MAX];
        size_t n;
} Ways;

typedef struct HostSnapshot {
        Ruleset *ruleset;
        Netlink *netlink;
        Ways v4, v6;
} HostSnapshot;

static void host_snapshot_done(HostSnapshot *snapshot) {
        ruleset_free(snapshot->ruleset);
        netlink_close(snapshot->netlink);
}

void firewall_look_done(FirewallLook *look) {
        free(look->networks);
        free(look->bridges);
        *look = (FirewallLook){ .networks = NULL };
}

static PacketDevice bridge_device(const FirewallNetwork *network) {
        PacketDevice device = {
                .ifindex = network->ifindex, .kind = "bridge", .group = NETWORK_GROUP
        };

        memcpy(device.name, network->bridge, sizeof(device.name));
        return device;
}

static PacketDevice device_of(const LinkInfo *link) {
        PacketDevice device = { .ifindex = link->ifindex, .group = link->group };

        /* Padded with zeros, as the kernel compares them. */
        snprintf(device.name, sizeof(device.name), "%s", link->name);
        snprintf(device.kind, sizeof(device.kind), "%s", link->kind);
        return device;
}

/* Keeps the worse of both, or the first one if they are equally bad. */
static void add_fate(Fate *fate, Fate other) {
        if (other.outcome > fate->outcome)
                *fate = other;
}

/* IPv4: a guest without an address broadcasts. */
static Fate fate_of_dhcp(Ruleset *ruleset, const FirewallNetwork *network) {
        static const struct in_addr none = { INADDR_ANY }, all = { INADDR_NONE };
        Packet packet;

        packet_init(&packet, PACKET_INPUT, AF_INET, IPPROTO_UDP);
        packet.in = bridge_device(network);
        packet.is_broadcast = true;
        packet_set_source(&packet, &none, 32);
        packet_set_target(&packet, &all, 32);
        packet_set_source_port(&packet, PORT_DHCP_CLIENT);
        packet_set_target_port(&packet, PORT_DHCP_SERVER);
        return packet_fate(ruleset, &packet);
}

/* Guests may have any address of the network, and any port. */
static Fate fate_of_dns(Ruleset *ruleset, const FirewallNetwork *network, int family) {
        const NetworkPlan *plan = &network->plan;
        const bool is_v4 = family == AF_INET;
        const void *host = is_v4 ? (const void *)&plan->v4 : &plan->v6;
        Packet packet;

        packet_init(&packet, PACKET_INPUT, family, IPPROTO_UDP);
        packet.in = bridge_device(network);
        packet_set_source(&packet, host, is_v4 ? plan->v4_prefix : plan->v6_prefix);
        packet_set_target(&packet, host, is_v4 ? 32 : 128);
        packet_set_target_port(&packet, PORT_DNS);
        return packet_fate(ruleset, &packet);
}

/* Hosts far away that a guest talks to: a firewall that decides by destination does not treat them
 * all alike. */
static const char *const far_v4[] = { "20.11.7.9", "93.70.141.3", "185.99.4.201" };
static const char *const far_v6[] = { "2600:1f18:7::9", "2a02:26f0:11::3" };

typedef struct Talk {
        const FirewallNetwork *network;
        int family;
        PacketDevice by;
        struct in6_addr with; /* an IPv4 address is in its first bytes */
} Talk;

static Fate fate_of_packet(Ruleset *ruleset, const Talk *talk, PacketTurn turn) {
        const bool is_answer = turn != PACKET_FIRST;
        const NetworkPlan *plan = &talk->network->plan;
        const bool is_v4 = talk->family == AF_INET;
        const void *guest = is_v4 ? (const void *)&plan->v4 : &plan->v6;
        const unsigned prefix = is_v4 ? plan->v4_prefix : plan->v6_prefix;
        const unsigned whole = is_v4 ? 32 : 128;
        Packet packet;

        packet_init(&packet, PACKET_FORWARD, talk->family, IPPROTO_TCP);
        packet_set_turn(&packet, turn);
        packet.in = is_answer ? talk->by : bridge_device(talk->network);
        packet.out = is_answer ? bridge_device(talk->network) : talk->by;
        packet_set_source(&packet, is_answer ? &talk->with : guest, is_answer ? whole : prefix);
        packet_set_target(&packet, is_answer ? guest : &talk->with, is_answer ? prefix : whole);
        if (is_answer)
                packet_set_source_port(&packet, PORT_HTTPS);
        else
                packet_set_target_port(&packet, PORT_HTTPS);
        return packet_fate(ruleset, &packet);
}

/* A conversation needs each of its packets to pass. */
static Fate fate_of_talk(Ruleset *ruleset, const Talk *talk) {
        Fate fate = { .outcome = FATE_ACCEPTED };

        for (PacketTurn turn = 0; turn < PACKET_TURN_MAX && fate.outcome != FATE_DROPPED; turn++)
                add_fate(&fate, fate_of_packet(ruleset, talk, turn));
        return fate;
}

/* Several packets that stand for all: the fate is DROPPED only if all of them are dropped. */
typedef struct Sample {
        Fate worst;
        size_t n, n_dropped;
} Sample;

static void add_to_sample(Sample *sample, Fate fate) {
        add_fate(&sample->worst, fate);
        sample->n++;
        sample->n_dropped += fate.outcome == FATE_DROPPED;
}

static Fate fate_of_sample(const Sample *sample) {
        Fate fate = sample->worst;

        if (fate.outcome == FATE_DROPPED && sample->n_dropped < sample->n)
                fate.outcome = FATE_UNDECIDED;
        return fate;
}

static Fate fate_of_talks(
                Ruleset *ruleset, const FirewallNetwork *network, int family, const Ways *ways) {
        const size_t n_far = family == AF_INET ? ELEMENTS(far_v4) : ELEMENTS(far_v6);
        const size_t n_ways = ways->n > 0 ? ways->n : 1;
        Sample sample = { .n = 0 };

        for (size_t i = 0; i < n_ways * n_far; i++) {
                Talk talk = { .network = network, .family = family };

                if (ways->n > 0)
                        talk.by = ways->devices[i / n_far];
                inet_pton(family, family == AF_INET ? far_v4[i % n_far] : far_v6[i % n_far],
                                &talk.with);
                add_to_sample(&sample, fate_of_talk(ruleset, &talk));
        }
        return fate_of_sample(&sample);
}

/* No firewall keeps a guest from what the host itself cannot reach. A host without any way out may
 * get one, and it is not known which. */
static void look_at_egress(const HostSnapshot *snapshot, FirewallNetwork *network) {
        const bool none = snapshot->v4.n == 0 && snapshot->v6.n == 0;
        Fate *fate = &network->fates[FIREWALL_EGRESS];

        if (network->plan.v4_prefix > 0 && (snapshot->v4.n > 0 || none))
                add_fate(fate, fate_of_talks(snapshot->ruleset, network, AF_INET, &snapshot->v4));
        if (network->plan.v6_prefix > 0 && (snapshot->v6.n > 0 || none))
                add_fate(fate, fate_of_talks(snapshot->ruleset, network, AF_INET6, &snapshot->v6));
}

static void look_at_network(const HostSnapshot *snapshot, FirewallNetwork *network) {
        const NetworkPlan *plan = &network->plan;
        Ruleset *ruleset = snapshot->ruleset;

        if (plan->host_access && plan->dhcp && plan->v4_prefix > 0)
                add_fate(&network->fates[FIREWALL_DHCP], fate_of_dhcp(ruleset, network));
        if (plan->host_access && plan->v4_prefix > 0)
                add_fate(&network->fates[FIREWALL_DNS], fate_of_dns(ruleset, network, AF_INET));
        if (plan->host_access && plan->v6_prefix > 0)
                add_fate(&network->fates[FIREWALL_DNS], fate_of_dns(ruleset, network, AF_INET6));
        if (plan->kind == NETWORK_NAT)
                look_at_egress(snapshot, network);
}

/* Neighbours that talk to each other across a bridge. */
static const char *const near_v4[][2] = { { "192.168.7.21", "192.168.7.42" },
        { "10.31.5.21", "10.31.5.42" }, { "93.70.141.3", "93.70.141.9" } };
static const char *const near_v6[][2] = { { "fd31:5:7::21", "fd31:5:7::42" },
        { "2a02:26f0:11::3", "2a02:26f0:11::9" } };

/* The first packet of a connection to a usual port. */
static Fate fate_of_crossing(Ruleset *ruleset, int family, PacketDevice bridge) {
        const size_t n = family == AF_INET ? ELEMENTS(near_v4) : ELEMENTS(near_v6);
        Sample sample = { .n = 0 };

        for (size_t i = 0; i < n; i++) {
                const char *const *ends = family == AF_INET ? near_v4[i] : near_v6[i];
                struct in6_addr source, target;
                Packet packet;

                packet_init(&packet, PACKET_FORWARD, family, IPPROTO_TCP);
                packet.is_bridged = true;
                packet.in = packet.out = bridge;
                inet_pton(family, ends[0], &source);
                inet_pton(family, ends[1], &target);
                packet_set_source(&packet, &source, family == AF_INET ? 32 : 128);
                packet_set_target(&packet, &target, family == AF_INET ? 32 : 128);
                packet_set_target_port(&packet, PORT_HTTPS);
                add_to_sample(&sample, packet_fate(ruleset, &packet));
        }
        return fate_of_sample(&sample);
}

/* The look at bridges that is under way. */
typedef struct Crossings {
        const HostSnapshot *snapshot;
        FirewallLook *look;
} Crossings;

static int look_at_bridge(const LinkInfo *link, void *userdata) {
        const Crossings *crossings = userdata;
        Ruleset *ruleset = crossings->snapshot->ruleset;
        FirewallLook *look = crossings->look;
        FirewallBridge bridge = { .ifindex = link->ifindex };

        if (strcmp(link->kind, "bridge") != 0)
                return 0;
        bridge.v4 = fate_of_crossing(ruleset, AF_INET, device_of(link));
        bridge.v6 = fate_of_crossing(ruleset, AF_INET6, device_of(link));
        if (bridge.v4.outcome == FATE_ACCEPTED && bridge.v6.outcome == FATE_ACCEPTED)
                return 0;
        if (look->n_bridges == look->room) {
                const size_t room = look->room > 0 ? 2 * look->room : 8;
                FirewallBridge *bridges = reallocarray(look->bridges, room, sizeof(*bridges));

                if (!bridges)
                        return -ENOMEM;
                look->bridges = bridges;
                look->room = room;
        }
        look->bridges[look->n_bridges++] = bridge;
        return 0;
}

/* Bridges are looked at one by one only if anything is dropped at all. Whether br_netfilter is on
 * for one of them changes without an event, so that is read whenever it is needed. */
static int look_at_bridges(const HostSnapshot *snapshot, FirewallLook *look, Failure *failure) {
        const PacketDevice any = { .ifindex = 0 };
        Crossings crossings = { snapshot, look };
        int r = -EINTR;

        /* This is done even if br_netfilter is not loaded: no event tells when it is. */
        if (fate_of_crossing(snapshot->ruleset, AF_INET, any).outcome == FATE_ACCEPTED &&
                        fate_of_crossing(snapshot->ruleset, AF_INET6, any).outcome == FATE_ACCEPTED)
                return 0;
        UNTIL_DUMP_IS_WHOLE(r) {
                look->n_bridges = 0;
                r = link_dump(snapshot->netlink, look_at_bridge, &crossings, failure);
        }
        return r;
}

static bool is_egress(const Route *route) {
        return route_is_default(route) && route->unicast;
}

static void add_way(Ways *ways, Netlink *netlink, int ifindex) {
        LinkInfo link;

        for (size_t i = 0; i < ways->n; i++)
                if (ways->devices[i].ifindex == ifindex)
                        return;
        if (ways->n < DEVICES_MAX && link_get(netlink, ifindex, &link, NULL) >= 0)
                ways->devices[ways->n++] = device_of(&link);
}

static int find_ways(Ways *ways, Netlink *netlink, int family, Failure *failure) {
        RouteList routes = { NULL };
        int r = route_list_read(&routes, netlink, family, is_egress, failure);

        for (size_t i = 0; r >= 0 && i < routes.n; i++)
                for (size_t k = 0; k < ROUTE_DEVICES_MAX && routes.routes[i].devices[k] > 0; k++)
                        add_way(ways, netlink, routes.routes[i].devices[k]);
        route_list_done(&routes);
        return r;
}

/* A bridge that is gone has no name, and nobody uses what is found for it. */
static void find_name(FirewallNetwork *network, Netlink *netlink) {
        LinkInfo link;

        memset(network->bridge, 0, sizeof(network->bridge));
        if (link_get(netlink, network->ifindex, &link, NULL) >= 0)
                snprintf(network->bridge, sizeof(network->bridge), "%s", link.name);
}

static bool needs_ways(const FirewallLook *look) {
        for (size_t i = 0; i < look->n_networks; i++)
                if (look->networks[i].plan.kind == NETWORK_NAT)
                        return true;
        return false;
}

static int look_around(HostSnapshot *snapshot, const FirewallLook *look, Failure *failure) {
        int r = ruleset_read(&snapshot->ruleset, NETWORK_TABLE_PREFIX, failure);

        if (r >= 0)
                r = netlink_open(&snapshot->netlink, NETLINK_ROUTE);
        if (r >= 0 && needs_ways(look))
                r = find_ways(&snapshot->v4, snapshot->netlink, AF_INET, failure);
        if (r >= 0 && needs_ways(look))
                r = find_ways(&snapshot->v6, snapshot->netlink, AF_INET6, failure);
        return r;
}

int firewall_look(FirewallLook *look, Failure *failure) {
        _cleanup_(host_snapshot_done) HostSnapshot snapshot = { .ruleset = NULL };
        int r = look_around(&snapshot, look, failure);

        if (r < 0)
                return r == -EOPNOTSUPP ? 0 : r;
        for (size_t i = 0; i < look->n_networks; i++) {
                find_name(&look->networks[i], snapshot.netlink);
                look_at_network(&snapshot, &look->networks[i]);
        }
        return look_at_bridges(&snapshot, look, failure);
}

const char *firewall_sentence(FirewallMatter matter, const Fate *fate, const char *name,
                char buffer[static FIREWALL_SENTENCE_SIZE]) {
        static const struct {
                const char *what, *fix;
        } words[FIREWALL_MATTER_MAX] = {
                [FIREWALL_DHCP] = { "what guests ask the host's DHCP server: they get no addresses",
                                "to UDP port 67" },
                [FIREWALL_DNS] = { "what guests ask the host's DNS server: they find nobody by name",
                                "to port 53, UDP and TCP" },
                [FIREWALL_EGRESS] = { "what is forwarded: guests reach nothing outside",
                                "and what goes to it in answer" },
        };

        snprintf(buffer, FIREWALL_SENTENCE_SIZE,
                        "The chain \"%s\" of another firewall drops %s. Let it accept what comes from %s%s%s.",
                        fate->chain, words[matter].what, name,
                        matter == FIREWALL_EGRESS ? ", " : " ", words[matter].fix);
        return buffer;
}

const char *firewall_bridge_sentence(
                const Fate *fate, const char *name, char buffer[static FIREWALL_SENTENCE_SIZE]) {
        snprintf(buffer, FIREWALL_SENTENCE_SIZE,
                        "br_netfilter is on, and the chain \"%s\" drops frames that cross %s. Let it accept them, or switch br_netfilter off.",
                        fate->chain, name);
        return buffer;
}
