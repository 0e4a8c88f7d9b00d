/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filters of a network against frames as a hostile guest writes them into its tap. What gets
 * through is seen at the other guest's tap, and at sockets of the host.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/address.h"
#include "kernel/bridge.h"
#include "kernel/filter.h"
#include "kernel/tap.h"
#include "model/network-filter.h"
#include "testing.h"
#include "util/cleanup.h"
#include "world.h"

DEFINE_CLEANUP(Netlink, netlink_close)

#define BROADCAST "ff ff ff ff ff ff"
#define VICTIM    "52 54 00 00 00 02"
#define ATTACKER  "52 54 00 00 00 01"
#define NODES     "33 33 00 00 00 01"

#define FE80_1    "fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01"
#define FE80_A    "fe 80 00 00 00 00 00 00 50 54 00 ff fe 00 00 01"
#define FD_1      "fd 70 00 03 00 00 00 00 00 00 00 00 00 00 00 01"
#define FD_A      "fd 70 00 03 00 00 00 00 00 00 00 00 00 00 00 0a"
#define FD_B      "fd 70 00 03 00 00 00 00 00 00 00 00 00 00 00 0b"
#define ALL_NODES "ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01"
#define ELSEWHERE "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"
#define NOBODY    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"

static const Mac bridge_mac = { { 0x76, 0x6e, 0x69, 0x63, 0, 1 } };

/* A network, and two guests on it. */
typedef struct Stage {
        Netlink *netlink;
        NetworkPlan plan;
        int bridge, attacker, victim;
} Stage;

/* Filters are the same whichever sources of a tap are told. */
static int open_guest(Stage *stage, const char *name, TapSources sources) {
        TapDevice device = { .vnet_hdr = false };
        int fd;

        snprintf(device.name, sizeof(device.name), "%s", name);
        assert_ok(tap_create(&device, &fd, NULL));
        assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
        world_run("ip link set %s group %u addrgenmode none master lab", name,
                        group_with_sources(network_tap_group(stage->bridge), sources));
        world_run("ip link set %s up", name);
        return fd;
}

static void apply(Stage *stage) {
        _cleanup_free_ char *rules = NULL, *removal = NULL;
        Failure failure = FAILURE_INIT;

        assert_ok(network_filter_rules(&stage->plan, stage->bridge, &bridge_mac, &rules));
        assert_ok(network_filter_removal(stage->plan.name, &removal));
        if (filter_create(rules, removal, &failure) < 0)
                fail_msg("%s", failure.text);
}

static void enter(Stage *stage, NetworkKind kind, bool addresses) {
        BridgeSettings settings = {
                .name = "lab",
                .mac = bridge_mac,
                .mtu = 1500,
                .group = NETWORK_GROUP,
        };

        *stage = (Stage){ .plan = NETWORK_PLAN_INIT };
        strcpy(stage->plan.name, "lab");
        stage->plan.kind = kind;
        stage->plan.host_access = addresses;
        stage->plan.tells_sources = true;
        if (addresses) {
                assert_ok(network_plan_add_address(&stage->plan, "10.70.3.1/24"));
                assert_ok(network_plan_add_address(&stage->plan, "fd70:3::1/64"));
        }
        assert_ok(network_plan_complete(&stage->plan, NULL));
        assert_ok(netlink_open(&stage->netlink, NETLINK_ROUTE));
        assert_ok(bridge_create(stage->netlink, &settings, NULL));
        stage->bridge = world_ifindex("lab");
        apply(stage);
        if (addresses) {
                assert_ok(address_add_v4(stage->netlink, stage->bridge, stage->plan.v4, 24, NULL));
                assert_ok(address_add_v6(stage->netlink, stage->bridge, &stage->plan.v6, 64, NULL));
        }
        world_run("ip link set lo up; ip link set lab addrgenmode none; ip link set lab up");
        stage->attacker = open_guest(stage, "attacker",
                        kind == NETWORK_NAT ? TAP_SOURCES_AWAITED : TAP_SOURCES_UNTOLD);
        stage->victim = open_guest(stage, "victim", TAP_SOURCES_WATCHED);
        world_run("until [ $(bridge link show | grep -c 'state forwarding') = 2 ]; do sleep .01; "
                  "done");
}

static void leave(Stage *stage) {
        close(stage->attacker);
        close(stage->victim);
        netlink_close(stage->netlink);
}

static size_t bytes_of(const char *hex, unsigned char *buffer, size_t size) {
        size_t n = 0;
        int used;

        for (unsigned byte; n < size && sscanf(hex, "%x%n", &byte, &used) == 1; hex += used)
                buffer[n++] = (unsigned char)byte;
        return n;
}

/* The bytes, and a right checksum in the header of IPv4: without one br_netfilter drops the packet. */
static size_t frame_of(const char *hex, unsigned char frame[static 256]) {
        size_t n = bytes_of(hex, frame, 256);
        unsigned sum = 0;

        if (n < 34 || frame[12] != 0x08 || frame[13] != 0x00)
                return n;
        for (size_t i = 14; i < 34; i += 2)
                sum += (unsigned)frame[i] << 8 | frame[i + 1];
        sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
        frame[24] = (unsigned char)(sum >> 8);
        frame[25] = (unsigned char)sum;
        return n;
}

static void send_frame(Stage *stage, const char *hex) {
        unsigned char frame[256] = { 0 };
        size_t n = frame_of(hex, frame);

        assert_int_equal(write(stage->attacker, frame, n < 60 ? 60 : n), n < 60 ? 60 : n);
}

/* Whether the victim gets a frame that begins as this one does; what else comes is passed over. */
static bool victim_gets(Stage *stage, const char *hex) {
        unsigned char frame[256] = { 0 }, got[2048];
        size_t n = frame_of(hex, frame);
        struct pollfd ready = { .fd = stage->victim, .events = POLLIN };

        while (poll(&ready, 1, 20) > 0) {
                ssize_t size = read(stage->victim, got, sizeof(got));

                if (size >= (ssize_t)n && memcmp(frame, got, n) == 0)
                        return true;
        }
        return false;
}

typedef struct Frame {
        const char *name, *hex;
} Frame;

#define ETHER(to, type) to " " ATTACKER " " type " "
#define IP(length, protocol, from, to)                                                             \
        "45 00 00 " length " 00 01 00 00 40 " protocol " 00 00 " from " " to " "
#define IP6(length, next, from, to) "60 00 00 00 00 " length " " next " ff " from " " to " "
#define UDP(from, to)               from " " to " 00 08 00 00 "
#define GUEST_A                     "0a 46 03 0a"
#define GUEST_B                     "0a 46 03 0b"
#define GATEWAY                     "0a 46 03 01"
#define NULL_TARGET                 "00 00 00 00 00 00"

static const Frame hostile[] = {
        { "a BPDU", "01 80 c2 00 00 00 " ATTACKER " 00 27 42 42 03 00 00 02 02 3c 00 00" },
        { "LLDP", "01 80 c2 00 00 0e " ATTACKER " 88 cc 02 07 04 52 54 00 00 00 01" },
        { "a VLAN tag", ETHER(BROADCAST, "81 00") "00 05 08 00 45 00 00 14" },
        { "a VLAN tag of number 0", ETHER(BROADCAST, "81 00") "00 00 86 dd 60 00 00 00" },
        { "a double tag", ETHER(BROADCAST, "88 a8") "00 05 81 00 00 06 08 00 45 00" },
        { "LLC with SNAP", ETHER(BROADCAST, "00 20") "aa aa 03 00 00 00 86 dd 60 00 00 00" },
        { "another protocol", ETHER(BROADCAST, "88 8e") "02 00 00 00" },
        { "an offer of DHCP",
                        ETHER(BROADCAST, "08 00") IP("1c", "11", GUEST_A, "ff ff ff ff")
                                        UDP("00 43", "00 44") },
        { "an offer of DHCP from another port",
                        ETHER(BROADCAST, "08 00") IP("1c", "11", GUEST_A, "ff ff ff ff")
                                        UDP("04 00", "00 44") },
        { "an IPv4 packet of the gateway",
                        ETHER(VICTIM, "08 00") IP("1c", "11", GATEWAY, GUEST_B)
                                        UDP("00 35", "30 00") },
        { "an IPv4 packet from elsewhere",
                        ETHER(VICTIM, "08 00") IP("1c", "11", "08 08 08 08", GUEST_B)
                                        UDP("00 35", "30 00") },
        { "an IPv4 redirect",
                        ETHER(VICTIM, "08 00") IP("24", "01", GUEST_A,
                                        GUEST_B) "05 01 00 00 0a 46 03 0a 45 00 00 14" },
        { "an IPv4 packet of no length", ETHER(VICTIM, "08 00") "40 00 00 1c" },
        { "gratuitous ARP for the gateway",
                        ETHER(BROADCAST, "08 06") "00 01 08 00 06 04 00 02 " ATTACKER " " GATEWAY
                                                  " " NULL_TARGET " " GATEWAY },
        { "ARP from elsewhere",
                        ETHER(BROADCAST, "08 06") "00 01 08 00 06 04 00 02 " ATTACKER
                                                  " 08 08 08 08 " NULL_TARGET " " GUEST_B },
        { "a router advertisement",
                        ETHER(NODES, "86 dd") IP6(
                                        "10", "3a", FE80_A, ALL_NODES) "86 00 00 00 40 00 07 08 00 "
                                                                       "00 00 00 00 00 00 00" },
        { "a router advertisement behind options",
                        ETHER(NODES, "86 dd") IP6(
                                        "18", "3c", FE80_A, ALL_NODES) "3a 00 01 04 00 00 00 00 "
                                                                       "86 00 00 00 40 00 07 08 00 "
                                                                       "00 00 00 00 00 00 00" },
        { "the head of a fragmented router advertisement",
                        ETHER(NODES, "86 dd") IP6(
                                        "18", "2c", FE80_A, ALL_NODES) "3a 00 00 01 00 00 00 07 "
                                                                       "86 00 00 00 40 00 07 08 00 "
                                                                       "00 00 00 00 00 00 00" },
        { "the head of fragments that hides what they are",
                        ETHER(NODES, "86 dd") IP6(
                                        "10", "2c", FE80_A, ALL_NODES) "3c 00 00 01 00 00 00 07 3a "
                                                                       "00 01 04 00 00 00 00" },
        { "an ND redirect",
                        ETHER(VICTIM, "86 dd") IP6("28", "3a", FE80_A,
                                        FD_B) "89 00 00 00 00 00 00 00 " FE80_A " " ELSEWHERE },
        { "an advertisement of the gateway's address",
                        ETHER(NODES, "86 dd") IP6("18", "3a", FE80_A,
                                        ALL_NODES) "88 00 00 00 20 00 00 00 " FD_1 },
        { "an advertisement of the gateway's link-local address",
                        ETHER(NODES, "86 dd") IP6("18", "3a", FE80_A,
                                        ALL_NODES) "88 00 00 00 20 00 00 00 " FE80_1 },
        { "an IPv6 packet of the gateway",
                        ETHER(VICTIM, "86 dd") IP6("08", "11", FE80_1, FD_B)
                                        UDP("30 00", "30 00") },
        { "an IPv6 packet from elsewhere",
                        ETHER(VICTIM, "86 dd") IP6("08", "11", ELSEWHERE, FD_B)
                                        UDP("30 00", "30 00") },
        { "an answer of DHCPv6",
                        ETHER(VICTIM, "86 dd") IP6("08", "11", FE80_A, FD_B)
                                        UDP("02 23", "02 22") },
        { "an IPv6 packet of no length", ETHER(VICTIM, "86 dd") "60 00" },
};

static const Frame legal[] = {
        { "UDP over IPv4",
                        ETHER(VICTIM, "08 00") IP("1c", "11", GUEST_A, GUEST_B)
                                        UDP("30 00", "30 01") },
        { "TCP over IPv4",
                        ETHER(VICTIM, "08 00") IP(
                                        "28", "06", GUEST_A, GUEST_B) "30 00 00 50 00 00 00 01 00 "
                                                                      "00 00 00 50 02 ff ff" },
        { "a later fragment of IPv4",
                        ETHER(VICTIM, "08 00") "45 00 00 1c 00 01 00 10 40 11 00 00 " GUEST_A
                                               " " GUEST_B " 00 43 00 44 00 00 00 00" },
        { "a question of DHCP",
                        ETHER(BROADCAST, "08 00") IP("1c", "11", "00 00 00 00", "ff ff ff ff")
                                        UDP("00 44", "00 43") },
        { "ping over IPv4",
                        ETHER(VICTIM, "08 00") IP(
                                        "1c", "01", GUEST_A, GUEST_B) "08 00 00 00 00 00 00 00" },
        { "a question of ARP",
                        ETHER(BROADCAST, "08 06") "00 01 08 00 06 04 00 01 " ATTACKER " " GUEST_A
                                                  " " NULL_TARGET " " GATEWAY },
        { "a probe of ARP",
                        ETHER(BROADCAST, "08 06") "00 01 08 00 06 04 00 01 " ATTACKER
                                                  " 00 00 00 00 " NULL_TARGET " " GUEST_A },
        { "UDP over IPv6",
                        ETHER(VICTIM, "86 dd") IP6("08", "11", FD_A, FD_B) UDP("30 00", "30 01") },
        { "a neighbour solicitation for the gateway",
                        ETHER(NODES, "86 dd") IP6("18", "3a", FE80_A,
                                        ALL_NODES) "87 00 00 00 00 00 00 00 " FD_1 },
        { "a check for duplicates",
                        ETHER(NODES, "86 dd") IP6("18", "3a", NOBODY,
                                        ALL_NODES) "87 00 00 00 00 00 00 00 " FD_A },
        { "an advertisement of its own address",
                        ETHER(NODES, "86 dd") IP6("18", "3a", FD_A,
                                        ALL_NODES) "88 00 00 00 20 00 00 00 " FD_A },
        { "a router solicitation",
                        ETHER(NODES, "86 dd") IP6(
                                        "08", "3a", FE80_A, ALL_NODES) "85 00 00 00 00 00 00 00" },
        { "a question of DHCPv6",
                        ETHER(NODES, "86 dd") IP6("08", "11", FE80_A, ALL_NODES)
                                        UDP("02 22", "02 23") },
        { "a later fragment of IPv6",
                        ETHER(VICTIM, "86 dd") IP6("10", "2c", FD_A,
                                        FD_B) "11 00 00 08 00 00 00 07 00 00 00 00 00 00 00 00" },
        { "multicast over IPv6",
                        ETHER("33 33 00 00 00 fb", "86 dd") IP6("08", "11", FD_A,
                                        "ff 02 00 00 00 00 00 00 00 00 00 00 00 "
                                        "00 00 fb") UDP("14 e9", "14 e9") },
};

/* Whether br_netfilter hands on what a bridge passes: then conntrack keeps fragments until it has all. */
static void set_br_netfilter(bool on) {
        world_run("cd /proc/sys/net/bridge 2>/dev/null || exit 0; "
                  "for i in bridge-nf-call-ip*; do echo %d > $i; done",
                        on);
}

static void check_frames(Stage *stage, bool br_netfilter) {
        set_br_netfilter(br_netfilter);
        for (size_t i = 0; i < ELEMENTS(hostile); i++) {
                send_frame(stage, hostile[i].hex);
                if (victim_gets(stage, hostile[i].hex))
                        fail_msg("the victim got %s", hostile[i].name);
        }
        for (size_t i = 0; i < ELEMENTS(legal); i++) {
                if (br_netfilter && strstr(legal[i].name, "fragment"))
                        continue;
                send_frame(stage, legal[i].hex);
                if (!victim_gets(stage, legal[i].hex))
                        fail_msg("%s did not arrive", legal[i].name);
        }
}

static void check_kind(NetworkKind kind) {
        Stage stage;

        enter(&stage, kind, true);
        check_frames(&stage, true);
        check_frames(&stage, false);
        leave(&stage);
}

static void hostile_frames_reach_nobody_and_legal_ones_do_on_nat(void **state) {
        check_kind(NETWORK_NAT);
}

static void hostile_frames_reach_nobody_and_legal_ones_do_on_isolated(void **state) {
        check_kind(NETWORK_ISOLATED);
}

/* A guest that has its addresses to itself sends all that it could send before. */
static void a_guard_of_addresses_changes_nothing_for_one_guest(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        stage.plan.guard_addresses = true;
        apply(&stage);
        check_frames(&stage, false);
        check_frames(&stage, false);
        leave(&stage);
}

/* Half an hour is too long for a test. */
static void guard_for_a_second(Stage *stage) {
        _cleanup_free_ char *rules = NULL, *removal = NULL;
        unsigned n = 0;

        stage->plan.guard_addresses = true;
        assert_ok(network_filter_rules(&stage->plan, stage->bridge, &bridge_mac, &rules));
        for (char *at = rules; (at = strstr(at, "timeout 35m")); n++)
                memcpy(at, "timeout 01s", strlen("timeout 01s"));
        assert_int_equal(n, 5);
        assert_ok(network_filter_removal(stage->plan.name, &removal));
        assert_ok(filter_replace(rules, removal, NULL));
}

#define OTHER            "52 54 00 00 00 03"
#define CLAIM(mac, type) VICTIM " " mac " " type " "
#define CLAIM_V4(mac)    CLAIM(mac, "08 00") IP("1c", "11", GUEST_A, GUEST_B) UDP("30 00", "30 01")
#define CLAIM_V6(mac)    CLAIM(mac, "86 dd") IP6("08", "11", FD_A, FD_B) UDP("30 00", "30 01")
#define CLAIM_TARGET(mac, n)                                                                       \
        CLAIM(mac, "86 dd") IP6("18", "3a", n, FD_B) "88 00 00 00 20 00 00 00 " FD_A

static bool passes(Stage *stage, const char *hex) {
        send_frame(stage, hex);
        return victim_gets(stage, hex);
}

static void an_address_is_of_its_first_user_until_that_is_silent(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        guard_for_a_second(&stage);
        /* Used again and again it stays longer than any one use of it. */
        for (unsigned i = 0; i < 6; i++) {
                assert_true(passes(&stage, CLAIM_V4(ATTACKER)));
                assert_true(passes(&stage, CLAIM_V6(ATTACKER)));
                assert_false(passes(&stage, CLAIM_V4(OTHER)));
                assert_false(passes(&stage, CLAIM_V6(OTHER)));
                assert_false(passes(&stage, CLAIM_TARGET(OTHER, FE80_A)));
                usleep(300000);
        }
        usleep(1200000);
        assert_true(passes(&stage, CLAIM_V4(OTHER)));
        assert_true(passes(&stage, CLAIM_TARGET(OTHER, FE80_A)));
        assert_false(passes(&stage, CLAIM_V4(ATTACKER)));
        assert_false(passes(&stage, CLAIM_V6(ATTACKER)));
        leave(&stage);
}

static void without_the_guard_an_address_is_whose_it_likes(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        assert_string_equal(world_read("nft list sets bridge | grep claim"), "");
        assert_true(passes(&stage, CLAIM_V4(ATTACKER)));
        assert_true(passes(&stage, CLAIM_V4(OTHER)));
        assert_true(passes(&stage, CLAIM_TARGET(ATTACKER, FE80_A)));
        assert_true(passes(&stage, CLAIM_TARGET(OTHER, FE80_A)));
        leave(&stage);
}

/* It is the filter that keeps them away. */
static void without_the_filter_the_same_frames_arrive(void **state) {
        _cleanup_free_ char *removal = NULL;
        unsigned arrived = 0;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        assert_ok(network_filter_removal("lab", &removal));
        assert_ok(filter_apply(removal, NULL));
        assert_string_equal(world_read("nft list ruleset"), "");
        for (size_t i = 0; i < ELEMENTS(hostile); i++) {
                send_frame(&stage, hostile[i].hex);
                arrived += victim_gets(&stage, hostile[i].hex);
        }
        /* What the bridge keeps for itself even so: frames to 01:80:c2:00:00:0X are left out. */
        assert_true(arrived >= ELEMENTS(hostile) - 4);
        leave(&stage);
}

static int open_socket(int family, uint16_t port) {
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };

        assert_true(fd >= 0);
        if (family == AF_INET)
                assert_ok(bind(fd, (const struct sockaddr *)&v4, sizeof(v4)));
        else
                assert_ok(bind(fd, (const struct sockaddr *)&v6, sizeof(v6)));
        return fd;
}

static bool socket_gets(int fd) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        char byte;

        return poll(&ready, 1, 50) > 0 && recv(fd, &byte, 1, 0) >= 0;
}

#define BRIDGE_MAC "76 6e 69 63 00 01"

#define TO_HOST(from, to, port)                                                                    \
        ETHER(BRIDGE_MAC, "08 00") IP("1c", "11", from, to) UDP("30 00", port)

static void of_the_host_a_guest_reaches_dhcp_and_dns_only(void **state) {
        _cleanup_close_ int dns = -EBADF, dhcp = -EBADF, other = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        world_run("ip address add 192.0.2.1/32 dev lo");
        dns = open_socket(AF_INET, 53);
        dhcp = open_socket(AF_INET, 67);
        other = open_socket(AF_INET, 12288);
        send_frame(&stage, TO_HOST(GUEST_A, GATEWAY, "00 35"));
        assert_true(socket_gets(dns));
        send_frame(&stage, TO_HOST(GUEST_A, GATEWAY, "00 43"));
        assert_true(socket_gets(dhcp));
        send_frame(&stage, TO_HOST(GUEST_A, GATEWAY, "30 00"));
        assert_false(socket_gets(other));
        /* Nor what the host has elsewhere. */
        send_frame(&stage, TO_HOST(GUEST_A, "c0 00 02 01", "00 35"));
        assert_false(socket_gets(dns));
        send_frame(&stage, TO_HOST(GUEST_A, "c0 00 02 01", "00 43"));
        assert_false(socket_gets(dhcp));
        leave(&stage);
}

/* Also past the filter at the port, as another port of the bridge comes in. */
static void a_source_outside_of_the_network_reaches_no_socket(void **state) {
        _cleanup_close_ int dns = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        world_run("ip route add default dev lab; sysctl -qw net.ipv4.conf.all.rp_filter=0");
        dns = open_socket(AF_INET, 53);
        send_frame(&stage, TO_HOST("08 08 08 08", GATEWAY, "00 35"));
        assert_false(socket_gets(dns));
        world_run("ip link set attacker group 0");
        send_frame(&stage, TO_HOST("08 08 08 08", GATEWAY, "00 35"));
        assert_false(socket_gets(dns));
        send_frame(&stage, TO_HOST(GUEST_A, GATEWAY, "00 35"));
        assert_true(socket_gets(dns));
        leave(&stage);
}

/* By way of the host: whose ports are isolated could reach each other so. */
static void the_host_passes_nothing_on_between_guests(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        world_run("sysctl -qw net.ipv4.ip_forward=1; bridge link set dev attacker isolated on; "
                  "bridge link set dev victim isolated on; "
                  "ip neighbor add 10.70.3.11 lladdr 52:54:00:00:00:02 dev lab nud permanent");
        send_frame(&stage, TO_HOST(GUEST_A, GUEST_B, "30 00"));
        assert_false(victim_gets(&stage, VICTIM " " BRIDGE_MAC " 08 00"));
        world_run("nft delete table inet vnicd-lab");
        send_frame(&stage, TO_HOST(GUEST_A, GUEST_B, "30 00"));
        assert_true(victim_gets(&stage, VICTIM " " BRIDGE_MAC " 08 00"));
        leave(&stage);
}

static void without_access_the_host_hears_nothing(void **state) {
        _cleanup_close_ int dhcp = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_ISOLATED, false);
        world_run("ip address add 10.70.3.1/24 dev lab");
        dhcp = open_socket(AF_INET, 67);
        send_frame(&stage, TO_HOST(GUEST_A, GATEWAY, "00 43"));
        assert_false(socket_gets(dhcp));
        /* Among themselves guests have any address that they like. */
        send_frame(&stage, legal[0].hex);
        assert_true(victim_gets(&stage, legal[0].hex));
        leave(&stage);
}

static void a_tap_that_left_the_bridge_does_not_reach_the_host(void **state) {
        _cleanup_close_ int dns = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        world_run("ip link set attacker nomaster address " /* so that the host takes it */
                  "76:6e:69:63:00:02; ip address add 10.70.9.1/24 dev attacker");
        dns = open_socket(AF_INET, 53);
        send_frame(&stage,
                        "76 6e 69 63 00 02 " ATTACKER " 08 00 " IP("1c", "11", "0a 46 09 0a",
                                        "0a 46 09 01") UDP("30 00", "00 35"));
        assert_false(socket_gets(dns));
        leave(&stage);
}

static void sources_are_told_only_where_the_kernel_can(void **state) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, "lab");
        assert_ok(network_plan_complete(&plan, NULL));
        for (int tells = 0; tells < 2; tells++) {
                _cleanup_free_ char *rules = NULL;

                plan.tells_sources = tells;
                assert_ok(network_filter_rules(&plan, 7, &bridge_mac, &rules));
                assert_int_equal(strstr(rules, "log group 30318") != NULL, tells);
        }
}

static void a_table_of_others_stays_as_it_is(void **state) {
        Stage stage;

        world_run("nft 'add table inet other { chain c { type filter hook forward priority 0; "
                  "policy drop; }; }'");
        enter(&stage, NETWORK_NAT, true);
        apply(&stage);
        assert_string_equal(world_read("nft list tables | sort"),
                        "table bridge vnicd-lab\ntable inet other\ntable inet vnicd-lab");
        leave(&stage);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(
                                hostile_frames_reach_nobody_and_legal_ones_do_on_nat, world_enter),
                cmocka_unit_test_setup(hostile_frames_reach_nobody_and_legal_ones_do_on_isolated,
                                world_enter),
                cmocka_unit_test_setup(
                                a_guard_of_addresses_changes_nothing_for_one_guest, world_enter),
                cmocka_unit_test_setup(
                                an_address_is_of_its_first_user_until_that_is_silent, world_enter),
                cmocka_unit_test_setup(without_the_guard_an_address_is_whose_it_likes, world_enter),
                cmocka_unit_test_setup(without_the_filter_the_same_frames_arrive, world_enter),
                cmocka_unit_test_setup(of_the_host_a_guest_reaches_dhcp_and_dns_only, world_enter),
                cmocka_unit_test_setup(
                                a_source_outside_of_the_network_reaches_no_socket, world_enter),
                cmocka_unit_test_setup(the_host_passes_nothing_on_between_guests, world_enter),
                cmocka_unit_test_setup(without_access_the_host_hears_nothing, world_enter),
                cmocka_unit_test_setup(
                                a_tap_that_left_the_bridge_does_not_reach_the_host, world_enter),
                cmocka_unit_test(sources_are_told_only_where_the_kernel_can),
                cmocka_unit_test_setup(a_table_of_others_stays_as_it_is, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
