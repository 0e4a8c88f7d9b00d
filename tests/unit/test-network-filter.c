/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filters of a network against frames as a hostile guest writes them into its tap. Frames that
 * get through are received at the other guest's tap, and at sockets of the host.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/address.h"
#include "kernel/bridge.h"
#include "kernel/filter.h"
#include "kernel/tap.h"
#include "networks/network-filter.h"
#include "testing.h"
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

/* Filters are the same whichever sources of a tap are reported. */
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

static void enter_with(Stage *stage, NetworkKind kind, const char *v4, const char *v6) {
        const bool addresses = v4 || v6;
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
        if (v4)
                assert_ok(network_plan_add_address(&stage->plan, v4));
        if (v6)
                assert_ok(network_plan_add_address(&stage->plan, v6));
        assert_ok(network_plan_complete(&stage->plan, NULL));
        assert_ok(netlink_open(&stage->netlink, NETLINK_ROUTE));
        assert_ok(bridge_create(stage->netlink, &settings, NULL));
        stage->bridge = world_ifindex("lab");
        apply(stage);
        if (v4)
                assert_ok(address_add_v4(stage->netlink, stage->bridge, stage->plan.v4, 24, NULL));
        if (v6)
                assert_ok(address_add_v6(stage->netlink, stage->bridge, &stage->plan.v6, 64, NULL));
        world_run("ip link set lo up; ip link set lab addrgenmode none; ip link set lab up");
        stage->attacker = open_guest(stage, "attacker",
                        kind == NETWORK_NAT ? TAP_SOURCES_AWAITED : TAP_SOURCES_UNTOLD);
        stage->victim = open_guest(stage, "victim", TAP_SOURCES_WATCHED);
        world_run("until [ $(bridge link show | grep -c 'state forwarding') = 2 ]; do sleep .01; "
                  "done");
}

#define V4 "10.70.3.1/24"
#define V6 "fd70:3::1/64"

static void enter(Stage *stage, NetworkKind kind, bool addresses) {
        enter_with(stage, kind, addresses ? V4 : NULL, addresses ? V6 : NULL);
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

static unsigned sum_of(const unsigned char *bytes, size_t n) {
        unsigned sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += i % 2 == 0 ? (unsigned)bytes[i] << 8 : bytes[i];
        return sum;
}

static void put_checksum(unsigned char *at, unsigned sum) {
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        at[0] = (unsigned char)(~sum >> 8);
        at[1] = (unsigned char)~sum;
}

/* Builds the bytes, with right checksums in the IPv4 header (without one br_netfilter drops the
 * packet), in ICMP, and in what follows the IPv6 header. */
static size_t frame_of(const char *hex, unsigned char frame[static 256]) {
        size_t n = bytes_of(hex, frame, 256);

        if (n >= 34 && frame[12] == 0x08 && frame[13] == 0x00) {
                put_checksum(frame + 24, sum_of(frame + 14, 20));
                if (frame[23] == IPPROTO_ICMP && n >= 42)
                        put_checksum(frame + 36, sum_of(frame + 34, n - 34));
        }
        if (n >= 62 && frame[12] == 0x86 &&
                        (frame[20] == IPPROTO_UDP || frame[20] == IPPROTO_ICMPV6)) {
                const size_t at = frame[20] == IPPROTO_UDP ? 60 : 56;

                put_checksum(frame + at,
                                sum_of(frame + 22, n - 22) + frame[20] + (unsigned)(n - 54));
        }
        return n;
}

static void send_frame(Stage *stage, const char *hex) {
        unsigned char frame[256] = { 0 };
        size_t n = frame_of(hex, frame);

        assert_int_equal(write(stage->attacker, frame, n < 60 ? 60 : n), n < 60 ? 60 : n);
}

/* Whether the victim gets a frame that begins like this one; other frames are skipped. */
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
        { "ARP of another hardware",
                        ETHER(BROADCAST, "08 06") "00 06 08 00 06 04 00 02 " ATTACKER " " GUEST_A
                                                  " " NULL_TARGET " " GUEST_B },
        { "ARP of another protocol",
                        ETHER(BROADCAST, "08 06") "00 01 86 dd 06 04 00 02 " ATTACKER " " GUEST_A
                                                  " " NULL_TARGET " " GUEST_B },
        { "ARP with long hardware addresses",
                        ETHER(BROADCAST, "08 06") "00 01 08 00 08 04 00 02 " ATTACKER " " GUEST_A
                                                  " " NULL_TARGET " " GUEST_B },
        { "ARP with long protocol addresses",
                        ETHER(BROADCAST, "08 06") "00 01 08 00 06 10 00 02 " ATTACKER " " GUEST_A
                                                  " " NULL_TARGET " " GUEST_B },
        { "the head of a fragmented offer of DHCP",
                        ETHER(BROADCAST, "08 00") "45 00 00 1c 00 01 20 00 40 11 00 00 " GUEST_A
                                                  " ff ff ff ff " UDP("00 43", "00 44") },
        { "an answer of DHCP to another port",
                        ETHER(VICTIM, "08 00") IP("1c", "11", GUEST_A, GUEST_B)
                                        UDP("00 43", "30 00") },
        { "an answer of DHCPv6 to another port",
                        ETHER(VICTIM, "86 dd") IP6("08", "11", FE80_A, FD_B)
                                        UDP("02 23", "30 00") },
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

/* Whether br_netfilter passes on bridged packets: then conntrack keeps fragments until it has
 * all. */
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

/* A guest that has its addresses to itself can send everything that it could send before. */
static void a_guard_of_addresses_changes_nothing_for_one_guest(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        stage.plan.guard_addresses = true;
        apply(&stage);
        check_frames(&stage, false);
        check_frames(&stage, false);
        leave(&stage);
}

/* Replaces words in the rules, by others of the same length, in that many places: half an hour and
 * 65,535 addresses are too much for a test. */
static void apply_with(Stage *stage, const char *word, const char *other, unsigned times) {
        _cleanup_free_ char *rules = NULL, *removal = NULL;
        unsigned n = 0;

        assert_ok(network_filter_rules(&stage->plan, stage->bridge, &bridge_mac, &rules));
        for (char *at = rules; (at = strstr(at, word)); at += strlen(word), n++)
                memcpy(at, other, strlen(word));
        assert_int_equal(n, times);
        assert_ok(network_filter_removal(stage->plan.name, &removal));
        assert_ok(filter_replace(rules, removal, NULL));
}

static void guard_for_a_second(Stage *stage) {
        stage->plan.guard_addresses = true;
        apply_with(stage, "timeout 35m", "timeout 01s", 5);
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
                usleep(200000);
                /* Nor between two of its uses. */
                assert_false(passes(&stage, CLAIM_V4(OTHER)));
                assert_false(passes(&stage, CLAIM_V6(OTHER)));
        }
        usleep(1200000);
        assert_true(passes(&stage, CLAIM_V4(OTHER)));
        assert_true(passes(&stage, CLAIM_TARGET(OTHER, FE80_A)));
        assert_false(passes(&stage, CLAIM_V4(ATTACKER)));
        assert_false(passes(&stage, CLAIM_V6(ATTACKER)));
        leave(&stage);
}

#define V4_OF(last)                                                                                \
        VICTIM " " ATTACKER " 08 00 " IP("1c", "11", "0a 46 03 " last, GUEST_B)                    \
                        UDP("30 00", "30 01")

static void where_the_guard_has_no_room_left_an_address_is_nobodys(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        stage.plan.guard_addresses = true;
        apply_with(&stage, "size 65535; timeout 35m", "size 00002; timeout 35m", 5);
        assert_true(passes(&stage, V4_OF("14")));
        assert_true(passes(&stage, V4_OF("15")));
        assert_false(passes(&stage, V4_OF("16")));
        assert_true(passes(&stage, V4_OF("15")));
        leave(&stage);
}

/* Writes them to the tap as they are: elsewhere frames shorter than Ethernet's minimum are
 * padded. */
static void what_ends_before_its_ports_reaches_nobody(void **state) {
        static const char *const short_ones[] = {
                ETHER(VICTIM, "08 00") IP("14", "11", GUEST_A, GUEST_B),
                ETHER(VICTIM, "08 00") IP("16", "11", GUEST_A, GUEST_B) "30 00",
                ETHER(VICTIM, "86 dd") IP6("02", "11", FD_A, FD_B) "30 00",
        };
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        for (size_t i = 0; i < ELEMENTS(short_ones); i++) {
                unsigned char frame[256] = { 0 };
                size_t n = frame_of(short_ones[i], frame);

                assert_int_equal(write(stage.attacker, frame, n), n);
                if (victim_gets(&stage, short_ones[i]))
                        fail_msg("the victim got packet %zu", i);
        }
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

static bool attacker_gets(const Stage *stage, const char *hex) {
        Stage turned = { .victim = stage->attacker };

        return victim_gets(&turned, hex);
}

#define BRIDGE_MAC "76 6e 69 63 00 01"
#define PING_OF(last)                                                                              \
        ETHER(BRIDGE_MAC, "08 00")                                                                 \
        IP("1c", "01", "0a 46 03 " last, GATEWAY) "08 00 00 00 00 00 00 00"
#define PING6(from) ETHER(BRIDGE_MAC, "86 dd") IP6("08", "3a", from, FD_1) "80 00 00 00 00 00 00 00"
#define SOLICITATION                                                                               \
        ETHER("33 33 ff 00 00 01", "86 dd")                                                        \
        IP6("20", "3a", FE80_A, "ff 02 00 00 00 00 00 00 00 00 00 01 ff 00 00 01")                 \
        "87 00 00 00 00 00 00 "                                                                    \
        "00 " FD_1 " 01 01 " ATTACKER

/* On an IPv4-only network guests have link-local addresses, and the host does not answer from any
 * IPv6 address, even where an administrator gave it one. */
static void of_ipv6_a_network_without_it_has_link_local_guests_only(void **state) {
        Stage stage;

        enter_with(&stage, NETWORK_NAT, V4, NULL);
        world_run("ip address add fd70:3::1/64 dev lab nodad");
        assert_false(passes(&stage,
                        VICTIM " " ATTACKER " 86 dd " IP6("08", "11", ELSEWHERE, FD_B)
                                        UDP("30 00", "30 01")));
        assert_true(passes(&stage,
                        VICTIM " " ATTACKER " 86 dd " IP6("08", "11", FE80_A, FD_B)
                                        UDP("30 00", "30 01")));
        send_frame(&stage, SOLICITATION);
        assert_false(attacker_gets(&stage, ATTACKER " " BRIDGE_MAC " 86 dd"));
        leave(&stage);

        /* With it the host answers. */
        world_run("ip link del lab; nft flush ruleset");
        enter(&stage, NETWORK_NAT, true);
        send_frame(&stage, SOLICITATION);
        assert_true(attacker_gets(&stage, ATTACKER " " BRIDGE_MAC " 86 dd"));
        leave(&stage);
}

static void of_ipv4_the_host_has_nothing_on_a_network_without_it(void **state) {
        Stage stage;

        enter_with(&stage, NETWORK_ISOLATED, NULL, V6);
        world_run("ip address add " V4 " dev lab");
        send_frame(&stage, PING_OF("0a"));
        assert_false(attacker_gets(&stage,
                        BROADCAST " " BRIDGE_MAC
                                  " 08 06")); /* to answer it would have to ask who has that */
        leave(&stage);

        world_run("ip link del lab; nft flush ruleset");
        enter(&stage, NETWORK_ISOLATED, true);
        send_frame(&stage, PING_OF("0a"));
        assert_true(attacker_gets(&stage, BROADCAST " " BRIDGE_MAC " 08 06"));
        leave(&stage);
}

static unsigned neighbours(int family) {
        return (unsigned)atoi(world_read("ip -%d neigh show dev lab nud all | grep -vc -e NOARP -e "
                                         "PERMANENT || true",
                        family));
}

static void ping_from(Stage *stage, unsigned from, unsigned to) {
        char hex[512];

        for (unsigned i = from; i < to; i++) {
                snprintf(hex, sizeof(hex),
                                ETHER(BRIDGE_MAC, "08 00") "45 00 00 1c 00 01 00 00 40 01 00 00 0a "
                                                           "46 03 %02x " GATEWAY
                                                           " 08 00 00 00 00 00 00 00",
                                i);
                send_frame(stage, hex);
                snprintf(hex, sizeof(hex),
                                ETHER(BRIDGE_MAC, "86 dd") "60 00 00 00 00 08 3a ff fd 70 00 03 00 "
                                                           "00 00 00 00 00 00 00 00 00 "
                                                           "00 %02x " FD_1
                                                           " 80 00 00 00 00 00 00 00",
                                i);
                send_frame(stage, hex);
        }
}

/* Each ping from an unknown address makes the host look for it. */
static void of_new_addresses_the_host_looks_for_so_many_and_no_more(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        ping_from(&stage, 10, 210);
        assert_in_range(neighbours(4), 10, 40);
        assert_in_range(neighbours(6), 10, 40);
        leave(&stage);
}

static void where_the_addresses_it_knows_have_no_room_left_it_looks_for_none(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        apply_with(&stage, "size 65535; timeout 1m;", "size 00003; timeout 1m;", 5);
        ping_from(&stage, 10, 25);
        assert_in_range(neighbours(4), 1, 3);
        assert_in_range(neighbours(6), 1, 3);
        leave(&stage);
}

/* From behind another port of the bridge: from a tap it is dropped earlier. */
static void no_redirect_changes_the_hosts_own_way(void **state) {
        const struct sockaddr_in server = {
                .sin_family = AF_INET,
                .sin_port = htons(4242),
                .sin_addr.s_addr = inet_addr("198.51.100.9"),
        };
        _cleanup_close_ int fd = open_socket(AF_INET, 0x3000);
        char hex[512];
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        world_run("sysctl -qw net.ipv4.conf.all.accept_redirects=1 "
                  "net.ipv4.conf.lab.accept_redirects=1 "
                  "net.ipv4.conf.all.secure_redirects=0 net.ipv4.conf.lab.secure_redirects=0; "
                  "ip route add 198.51.100.0/24 via 10.70.3.11 dev lab; "
                  "ip neighbor add 10.70.3.11 lladdr 52:54:00:00:00:02 dev lab nud permanent; "
                  "ip neighbor add 10.70.3.10 lladdr 52:54:00:00:00:01 dev lab nud permanent; "
                  "ip link set attacker group 0");
        /* A connection of the host's own, to which the redirect belongs. */
        assert_ok(connect(fd, (const struct sockaddr *)&server, sizeof(server)));
        assert_int_equal(send(fd, "x", 1, 0), 1);
        snprintf(hex, sizeof(hex), "%s",
                        ETHER(BRIDGE_MAC, "08 00") IP("38", "01", GUEST_B,
                                        GATEWAY) "05 01 00 00 " GUEST_A
                                                 " 45 00 00 1d 00 00 40 00 40 11 00 00 " GATEWAY
                                                 " c6 33 64 09 30 00 10 92 00 09 00 00");
        send_frame(&stage, hex);
        assert_non_null(strstr(world_read("ip route get 198.51.100.9"), "via 10.70.3.11 "));
        world_run("nft delete table inet vnicd-lab");
        send_frame(&stage, hex);
        assert_non_null(strstr(world_read("ip route get 198.51.100.9"), "via 10.70.3.10 "));
        leave(&stage);
}

/* What the kernel reports of the sets by which vnicd is told of sources. */
static void a_source_is_told_twice_a_second_at_most_and_then_known(void **state) {
        unsigned char frame[256] = { 0 };
        Stage stage;
        size_t n;

        enter(&stage, NETWORK_NAT, true);
        n = frame_of(ATTACKER " " VICTIM " 08 00 " IP("1c", "11", GUEST_B, GUEST_A)
                                        UDP("30 00", "30 01"),
                        frame);
        assert_int_equal(write(stage.victim, frame, n), n);
        assert_non_null(strstr(world_read("nft list set bridge vnicd-lab told"),
                        "limit rate 2/second burst 2 packets"));
        assert_non_null(strstr(
                        world_read("nft list set bridge vnicd-lab heard"), "52:54:00:00:00:02"));
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

/* The filter keeps them away. */
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
        /* The exceptions are frames that the bridge keeps for itself anyway, to
         * 01:80:c2:00:00:0X. */
        assert_true(arrived >= ELEMENTS(hostile) - 4);
        leave(&stage);
}

static bool socket_gets(int fd) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        char byte;

        return poll(&ready, 1, 50) > 0 && recv(fd, &byte, 1, 0) >= 0;
}

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
        /* Nor do they reach the host's addresses elsewhere. */
        send_frame(&stage, TO_HOST(GUEST_A, "c0 00 02 01", "00 35"));
        assert_false(socket_gets(dns));
        send_frame(&stage, TO_HOST(GUEST_A, "c0 00 02 01", "00 43"));
        assert_false(socket_gets(dhcp));
        leave(&stage);
}

/* This also holds past the filter at the port, as for another port of the bridge. */
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

#define TO_HOST6(from) ETHER(BRIDGE_MAC, "86 dd") IP6("08", "11", from, FD_1) UDP("30 00", "00 35")

static void nor_does_one_by_ipv6(void **state) {
        _cleanup_close_ int dns = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        dns = open_socket(AF_INET6, 53);
        world_run("ip link set attacker group 0");
        send_frame(&stage, TO_HOST6(ELSEWHERE));
        assert_false(socket_gets(dns));
        send_frame(&stage, TO_HOST6(FD_A));
        assert_true(socket_gets(dns));
        leave(&stage);
}

static unsigned counted(const char *counter) {
        return (unsigned)atoi(world_read("nstat -asz %s | sed -n 's/^Ic[^ ]* *//p'", counter));
}

/* Counted by the kernel if they are given to it. */
static void of_icmp_the_host_hears_what_it_is_asked_by_and_no_answers(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        send_frame(&stage,
                        ETHER(BRIDGE_MAC, "08 00") IP("28", "01", GUEST_A,
                                        GATEWAY) "0d 00 00 00 00 00 00 00 "
                                                 "00 00 00 00 00 00 00 00 00 00 00 00");
        send_frame(&stage,
                        ETHER(BRIDGE_MAC, "86 dd")
                                        IP6("08", "3a", FD_A, FD_1) "81 00 00 00 00 00 00 00");
        send_frame(&stage, PING_OF("0a"));
        send_frame(&stage, PING6(FD_A));
        assert_int_equal(counted("IcmpInTimestamps"), 0);
        assert_int_equal(counted("Icmp6InEchoReplies"), 0);
        assert_int_equal(counted("IcmpInEchos"), 1);
        assert_int_equal(counted("Icmp6InEchos"), 1);
        leave(&stage);
}

/* Egress */

#define ROUTER         "02 00 00 00 00 0f"
#define OUTSIDE_MAC    "76 6e 69 63 00 09"
#define SERVER         "c6 33 64 07" /* 198.51.100.7 */
#define SERVER6        "20 01 0d b8 00 07 00 00 00 00 00 00 00 00 00 07"
#define PRIVATE6       "fd 99 00 00 00 00 00 00 00 00 00 00 00 00 00 01"
#define OUT(from)      ETHER(BRIDGE_MAC, "08 00") IP("1c", "11", from, SERVER) UDP("30 00", "30 01")
#define OUT6(from, to) ETHER(BRIDGE_MAC, "86 dd") IP6("08", "11", from, to) UDP("30 00", "30 01")

/* A tap that plays the uplink of a host that forwards. */
static int open_outside(void) {
        const TapDevice device = { .name = "outside" };
        int fd;

        assert_ok(tap_create(&device, &fd, NULL));
        assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
        world_run("ip link set outside addrgenmode none address 76:6e:69:63:00:09 up; "
                  "ip address add 203.0.113.2/24 dev outside; ip address add 2001:db8:f::2/64 dev "
                  "outside nodad; "
                  "ip neighbor add 203.0.113.1 lladdr 02:00:00:00:00:0f dev outside nud permanent; "
                  "ip neighbor add 2001:db8:f::1 lladdr 02:00:00:00:00:0f dev outside nud "
                  "permanent; "
                  "ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:f::1 "
                  "dev outside; "
                  "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
                  "net.ipv4.conf.all.rp_filter=0");
        return fd;
}

/* Whether a frame of that kind leaves by the uplink. */
static bool leaves(int outside, const char *hex) {
        Stage turned = { .victim = outside };

        return victim_gets(&turned, hex);
}

static bool goes_out(Stage *stage, int outside, const char *hex) {
        send_frame(stage, hex);
        return leaves(outside,
                        strstr(hex, "86 dd") ? ROUTER " " OUTSIDE_MAC " 86 dd"
                                             : ROUTER " " OUTSIDE_MAC " 08 00");
}

static void guests_go_out_by_their_own_addresses_and_not_to_private_ones(void **state) {
        _cleanup_close_ int outside = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        outside = open_outside();
        assert_true(goes_out(&stage, outside, OUT(GUEST_A)));
        assert_true(goes_out(&stage, outside, OUT6(FD_A, SERVER6)));
        assert_false(goes_out(&stage, outside, OUT6(FD_A, PRIVATE6)));
        /* Nor does another port of the bridge, past the filter at the taps. */
        world_run("ip link set attacker group 0");
        assert_true(goes_out(&stage, outside, OUT(GUEST_A)));
        assert_false(goes_out(&stage, outside, OUT("08 08 08 08")));
        assert_false(goes_out(&stage, outside, OUT6(ELSEWHERE, SERVER6)));
        leave(&stage);
}

#define OUT_TO(to) ETHER(BRIDGE_MAC, "08 00") IP("1c", "11", GUEST_A, to) UDP("30 00", "30 01")

/* Each range at its ends, and what is beside it. */
static void what_is_private_stays_closed_to_its_ends(void **state) {
        static const struct {
                const char *hex;
                bool open;
        } targets[] = {
                { OUT_TO("09 ff ff fe"), true },
                { OUT_TO("0a 00 00 01"), false },
                { OUT_TO("0a ff ff fe"), false },
                { OUT_TO("0b 00 00 01"), true },
                { OUT_TO("64 3f ff fe"), true },
                { OUT_TO("64 40 00 01"), false },
                { OUT_TO("64 7f ff fe"), false },
                { OUT_TO("64 80 00 01"), true },
                { OUT_TO("a9 fd ff fe"), true },
                { OUT_TO("a9 fe 00 01"), false },
                { OUT_TO("a9 ff 00 01"), true },
                { OUT_TO("ac 0f ff fe"), true },
                { OUT_TO("ac 10 00 01"), false },
                { OUT_TO("ac 1f ff fe"), false },
                { OUT_TO("ac 20 00 01"), true },
                { OUT_TO("c0 a7 ff fe"), true },
                { OUT_TO("c0 a8 00 01"), false },
                { OUT_TO("c0 a8 ff fe"), false },
                { OUT_TO("c0 a9 00 01"), true },
                { OUT6(FD_A, "fb ff 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), true },
                { OUT6(FD_A, "fc 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), false },
                { OUT6(FD_A, "fd ff 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), false },
                { OUT6(FD_A, "fe 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), true },
                { OUT6(FD_A, "fe c0 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), false },
                { OUT6(FD_A, "fe ff 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), false },
        };
        _cleanup_close_ int outside = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        outside = open_outside();
        for (size_t i = 0; i < ELEMENTS(targets); i++)
                if (goes_out(&stage, outside, targets[i].hex) != targets[i].open)
                        fail_msg("%s", targets[i].hex);
        leave(&stage);
}

static void of_an_isolated_network_nothing_goes_out(void **state) {
        _cleanup_close_ int outside = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_ISOLATED, true);
        outside = open_outside();
        assert_false(goes_out(&stage, outside, OUT(GUEST_A)));
        assert_false(goes_out(&stage, outside, OUT6(FD_A, SERVER6)));
        leave(&stage);
}

static void what_a_tap_sends_that_left_the_bridge_does_not_go_out(void **state) {
        _cleanup_close_ int outside = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        outside = open_outside();
        world_run("ip link set attacker nomaster address " /* so that the host takes it */
                  "76:6e:69:63:00:01; ip address add 10.70.9.1/24 dev attacker");
        assert_false(goes_out(&stage, outside, OUT(GUEST_A)));
        leave(&stage);
}

/* Each reply would make the host look for a guest. */
static void of_new_addresses_so_many_go_out_and_no_more(void **state) {
        _cleanup_close_ int outside = -EBADF;
        unsigned out4 = 0, out6 = 0;
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        outside = open_outside();
        for (unsigned i = 10; i < 110; i++) {
                char hex[512];

                snprintf(hex, sizeof(hex),
                                ETHER(BRIDGE_MAC, "08 00") "45 00 00 1c 00 01 00 00 40 11 00 00 0a "
                                                           "46 03 %02x " SERVER
                                                           " " UDP("30 00", "30 01"),
                                i);
                out4 += goes_out(&stage, outside, hex);
                snprintf(hex, sizeof(hex),
                                ETHER(BRIDGE_MAC, "86 dd") "60 00 00 00 00 08 11 ff fd 70 00 03 00 "
                                                           "00 00 00 00 00 00 00 00 "
                                                           "00 00 %02x " SERVER6
                                                           " " UDP("30 00", "30 01"),
                                i);
                out6 += goes_out(&stage, outside, hex);
        }
        /* Both families are counted together; the test takes some seconds, in each of which one
         * more becomes available. */
        assert_in_range(out4, 8, 40);
        assert_in_range(out6, 8, 40);
        leave(&stage);
}

static void from_outside_nobody_reaches_a_guest(void **state) {
        _cleanup_close_ int outside = -EBADF;
        unsigned char frame[256] = { 0 };
        Stage stage;
        size_t n;

        enter(&stage, NETWORK_NAT, true);
        outside = open_outside();
        world_run("ip neighbor add 10.70.3.11 lladdr 52:54:00:00:00:02 dev lab nud permanent");
        n = frame_of(OUTSIDE_MAC " " ROUTER " 08 00 " IP("1c", "11", SERVER, GUEST_B)
                                        UDP("30 00", "30 01"),
                        frame);
        assert_int_equal(write(outside, frame, n), n);
        assert_false(victim_gets(&stage, VICTIM " " BRIDGE_MAC " 08 00"));
        world_run("nft delete table inet vnicd-lab");
        assert_int_equal(write(outside, frame, n), n);
        assert_true(victim_gets(&stage, VICTIM " " BRIDGE_MAC " 08 00"));
        leave(&stage);
}

static void what_others_send_keeps_its_address(void **state) {
        _cleanup_close_ int outside = -EBADF, other = -EBADF;
        const TapDevice device = { .name = "other" };
        unsigned char frame[256] = { 0 };
        Stage stage;
        size_t n;

        enter(&stage, NETWORK_NAT, true);
        outside = open_outside();
        assert_ok(tap_create(&device, &other, NULL));
        world_run("ip link set other address 76:6e:69:63:00:0a up; ip address add 10.80.0.1/24 dev "
                  "other");
        n = frame_of("76 6e 69 63 00 0a 02 00 00 00 00 0e 08 00 " IP(
                                     "1c", "11", "0a 50 00 05", SERVER) UDP("30 00", "30 01"),
                        frame);
        assert_int_equal(write(other, frame, n), n);
        assert_true(leaves(outside,
                        ROUTER " " OUTSIDE_MAC
                               " 08 00 45 00 00 1c 00 01 00 00 3f 11 00 00 0a 50 00 05 " SERVER));
        leave(&stage);
}

static void a_table_that_was_left_behind_is_made_anew(void **state) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        world_run("nft flush ruleset; nft add table inet vnicd-lab; nft add table bridge "
                  "vnicd-lab");
        assert_true(passes(&stage, hostile[12].hex) || passes(&stage, hostile[9].hex));
        apply(&stage);
        assert_false(passes(&stage, hostile[12].hex) || passes(&stage, hostile[9].hex));
        leave(&stage);
}

/* Guests on isolated ports could otherwise reach each other through the host. */
static void the_host_passes_nothing_on(bool reach_lan) {
        Stage stage;

        enter(&stage, NETWORK_NAT, true);
        stage.plan.reach_lan = reach_lan;
        apply_with(&stage, "create", "create", 2);
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

static void the_host_passes_nothing_on_between_guests(void **state) {
        the_host_passes_nothing_on(false);
        world_run("ip link del lab; nft flush ruleset");
        the_host_passes_nothing_on(true);
}

static void without_access_the_host_hears_nothing(void **state) {
        _cleanup_close_ int dhcp = -EBADF;
        Stage stage;

        enter(&stage, NETWORK_ISOLATED, false);
        world_run("ip address add 10.70.3.1/24 dev lab");
        dhcp = open_socket(AF_INET, 67);
        send_frame(&stage, TO_HOST(GUEST_A, GATEWAY, "00 43"));
        assert_false(socket_gets(dhcp));
        /* Among themselves guests may use any address. */
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
                cmocka_unit_test_setup(nor_does_one_by_ipv6, world_enter),
                cmocka_unit_test_setup(of_icmp_the_host_hears_what_it_is_asked_by_and_no_answers,
                                world_enter),
                cmocka_unit_test_setup(guests_go_out_by_their_own_addresses_and_not_to_private_ones,
                                world_enter),
                cmocka_unit_test_setup(what_is_private_stays_closed_to_its_ends, world_enter),
                cmocka_unit_test_setup(of_an_isolated_network_nothing_goes_out, world_enter),
                cmocka_unit_test_setup(
                                what_a_tap_sends_that_left_the_bridge_does_not_go_out, world_enter),
                cmocka_unit_test_setup(of_new_addresses_so_many_go_out_and_no_more, world_enter),
                cmocka_unit_test_setup(from_outside_nobody_reaches_a_guest, world_enter),
                cmocka_unit_test_setup(what_others_send_keeps_its_address, world_enter),
                cmocka_unit_test_setup(a_table_that_was_left_behind_is_made_anew, world_enter),
                cmocka_unit_test_setup(where_the_guard_has_no_room_left_an_address_is_nobodys,
                                world_enter),
                cmocka_unit_test_setup(what_ends_before_its_ports_reaches_nobody, world_enter),
                cmocka_unit_test_setup(of_ipv6_a_network_without_it_has_link_local_guests_only,
                                world_enter),
                cmocka_unit_test_setup(
                                of_ipv4_the_host_has_nothing_on_a_network_without_it, world_enter),
                cmocka_unit_test_setup(of_new_addresses_the_host_looks_for_so_many_and_no_more,
                                world_enter),
                cmocka_unit_test_setup(
                                where_the_addresses_it_knows_have_no_room_left_it_looks_for_none,
                                world_enter),
                cmocka_unit_test_setup(no_redirect_changes_the_hosts_own_way, world_enter),
                cmocka_unit_test_setup(a_source_is_told_twice_a_second_at_most_and_then_known,
                                world_enter),
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
