/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bridges and their ports, verified with iproute2. */
#include <errno.h>

#include "common/cleanup.h"
#include "kernel/bridge.h"
#include "kernel/tap.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(Netlink, netlink_close)

#define _cleanup_netlink_ _cleanup_(netlink_closep)

static const Mac guest = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };

static Netlink *open_netlink(void) {
        Netlink *netlink;

        assert_int_equal(netlink_open(&netlink, NETLINK_ROUTE), 0);
        return netlink;
}

/* A tap that is a port of br0. */
static int create_port(const char *name) {
        TapDevice device = { 0 };
        int fd;

        snprintf(device.name, sizeof(device.name), "%s", name);
        assert_int_equal(tap_create(&device, &fd, NULL), 0);
        world_run("ip link set %s master br0", name);
        return fd;
}

static void a_bridge_is_found_by_name(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        LinkInfo bridge;

        world_run("ip link add br0 mtu 1400 type bridge");
        assert_int_equal(bridge_find(netlink, "br0", &bridge, &failure), 0);
        assert_int_equal(bridge.ifindex, world_ifindex("br0"));
        assert_string_equal(bridge.kind, "bridge");
        assert_int_equal(bridge.mtu, 1400);
        assert_int_equal(failure.kind, FAILURE_NONE);
}

static void a_name_of_nothing_is_no_such_bridge(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        LinkInfo bridge = { .ifindex = 77 };

        assert_int_equal(bridge_find(netlink, "br0", &bridge, &failure), -ENODEV);
        assert_int_equal(failure.kind, FAILURE_NO_SUCH_BRIDGE);
        assert_non_null(strstr(failure.text, "br0"));
        assert_int_equal(bridge.ifindex, 77);
}

static void another_link_is_not_a_bridge(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        LinkInfo bridge = { .ifindex = 77 };

        assert_int_equal(bridge_find(netlink, "lo", &bridge, &failure), -EMEDIUMTYPE);
        assert_int_equal(failure.kind, FAILURE_NOT_A_BRIDGE);
        assert_non_null(strstr(failure.text, "lo"));
        world_run("ip tuntap add dev tap0 mode tap");
        assert_int_equal(bridge_find(netlink, "tap0", &bridge, &failure), -EMEDIUMTYPE);
        assert_int_equal(bridge.ifindex, 77);
}

static void an_alternative_name_is_no_such_bridge(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        LinkInfo bridge;

        world_run("ip link add br0 type bridge && ip link property add dev br0 altname lan");
        assert_int_equal(bridge_find(netlink, "lan", &bridge, &failure), -ENODEV);
        assert_int_equal(failure.kind, FAILURE_NO_SUCH_BRIDGE);
}

static bool port_says(const char *port, const char *word, bool on) {
        char words[32];

        snprintf(words, sizeof(words), "%s %s ", word, on ? "on" : "off");
        return strstr(world_read("bridge -d link show dev %s", port), words);
}

static void all_flags_of_a_port_are_set_and_read_back(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = -EBADF;

        world_run("ip link add br0 type bridge");
        fd = create_port("vnic00000001");
        for (int bits = 0; bits < 32; bits++) {
                const LinkPort flags = {
                        .isolated = bits & 1,
                        .locked = bits & 2,
                        .learning = bits & 4,
                        .root_block = bits & 8,
                        .bpdu_guard = bits & 16,
                };
                int port = world_ifindex("vnic00000001");
                LinkInfo link;

                assert_int_equal(bridge_set_port(netlink, port, &flags, NULL), 0);
                assert_true(port_says("vnic00000001", "isolated", flags.isolated));
                assert_true(port_says("vnic00000001", "locked", flags.locked));
                assert_true(port_says("vnic00000001", "learning", flags.learning));
                assert_true(port_says("vnic00000001", "root_block", flags.root_block));
                assert_true(port_says("vnic00000001", "guard", flags.bpdu_guard));
                assert_int_equal(link_get(netlink, port, &link, NULL), 0);
                assert_int_equal(link.port.isolated, flags.isolated);
                assert_int_equal(link.port.locked, flags.locked);
                assert_int_equal(link.port.learning, flags.learning);
                assert_int_equal(link.port.root_block, flags.root_block);
                assert_int_equal(link.port.bpdu_guard, flags.bpdu_guard);
        }
}

static LinkPortState state_of(Netlink *netlink, const char *port) {
        LinkInfo link;

        assert_int_equal(link_get(netlink, world_ifindex(port), &link, NULL), 0);
        return link.port.state;
}

static void the_state_of_a_port_is_told(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = -EBADF;

        world_run("ip link add br0 type bridge");
        fd = create_port("vnic00000001");
        assert_int_equal(state_of(netlink, "vnic00000001"), LINK_PORT_DISABLED);
        world_run("ip link set br0 up");
        world_run("ip link set vnic00000001 up");
        assert_int_equal(state_of(netlink, "vnic00000001"), LINK_PORT_FORWARDING);
        world_run("ip link set vnic00000001 down");
        world_run("ip link set br0 type bridge stp_state 1");
        world_run("ip link set vnic00000001 up");
        assert_int_equal(state_of(netlink, "vnic00000001"), LINK_PORT_LISTENING);
}

/* libnl has begun the nest for learning; of two nests the kernel would take the last one only. */
static void flags_that_libnl_has_and_those_that_it_lacks_arrive_together(void **state) {
        LinkPort flags = {
                .isolated = true, .locked = true, .group_fwd_mask = BRIDGE_GROUP_FWD_ALL
        };
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = -EBADF;
        int port;

        world_run("ip link add br0 type bridge");
        fd = create_port("vnic00000001");
        port = world_ifindex("vnic00000001");
        assert_int_equal(bridge_set_port(netlink, port, &flags, NULL), 0);
        assert_true(port_says("vnic00000001", "learning", false));
        assert_true(port_says("vnic00000001", "isolated", true));
        assert_true(port_says("vnic00000001", "locked", true));
        assert_true(world_link_says("vnic00000001", "group_fwd_mask 0xfffd"));
        flags.group_fwd_mask = 0;
        assert_int_equal(bridge_set_port(netlink, port, &flags, NULL), 0);
        assert_true(world_link_says("vnic00000001", "group_fwd_mask 0 "));
        assert_true(port_says("vnic00000001", "learning", false));
        assert_true(port_says("vnic00000001", "isolated", true));
        assert_true(port_says("vnic00000001", "locked", true));
}

static void flags_of_what_is_no_port_are_refused(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        const LinkPort flags = { .isolated = true };
        Failure failure = FAILURE_INIT;

        world_run("ip tuntap add dev tap0 mode tap");
        assert_true(bridge_set_port(netlink, world_ifindex("tap0"), &flags, &failure) < 0);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
}

static void an_fdb_entry_of_ours_is_static_and_sticky(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = -EBADF;
        const char *entry;

        world_run("ip link add br0 type bridge");
        fd = create_port("vnic00000001");
        assert_int_equal(
                        fdb_add_static(netlink, world_ifindex("vnic00000001"), &guest, false, NULL),
                        0);
        entry = world_read("bridge fdb show br br0 | grep 52:54:00:12:34:56 | grep -v vlan");
        assert_non_null(strstr(entry, "dev vnic00000001"));
        assert_non_null(strstr(entry, "sticky"));
        assert_non_null(strstr(entry, "static"));
        assert_null(strchr(entry, '\n'));
}

static void a_mac_has_one_static_entry(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int a = -EBADF, b = -EBADF;

        world_run("ip link add br0 type bridge");
        a = create_port("vnic00000001");
        b = create_port("vnic00000002");
        assert_int_equal(
                        fdb_add_static(netlink, world_ifindex("vnic00000001"), &guest, false, NULL),
                        0);
        assert_int_equal(
                        fdb_add_static(netlink, world_ifindex("vnic00000001"), &guest, false, NULL),
                        -EEXIST);
        assert_int_equal(
                        fdb_add_static(netlink, world_ifindex("vnic00000002"), &guest, false, NULL),
                        -EEXIST);
}

static void a_mac_is_found_behind_its_port(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = -EBADF;
        FdbEntry entry = { .port = -77 };
        int bridge;
        Mac mac;

        world_run("ip link add br0 type bridge");
        bridge = world_ifindex("br0");
        fd = create_port("vnic00000001");
        assert_int_equal(bridge_find_mac(netlink, bridge, &guest, &entry, NULL), -ENOENT);
        assert_int_equal(entry.port, -77);
        assert_int_equal(
                        fdb_add_static(netlink, world_ifindex("vnic00000001"), &guest, false, NULL),
                        0);
        assert_int_equal(bridge_find_mac(netlink, bridge, &guest, &entry, NULL), 0);
        assert_int_equal(entry.port, world_ifindex("vnic00000001"));
        mac = world_mac("vnic00000001");
        assert_int_equal(bridge_find_mac(netlink, bridge, &mac, &entry, NULL), 0);
        assert_int_equal(entry.port, world_ifindex("vnic00000001"));
}

static void the_bridges_own_mac_is_behind_itself(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        const Mac mac = { { 2, 0, 0, 0, 0, 1 } };
        FdbEntry entry = { .port = -77 };

        world_run("ip link add br0 address 02:00:00:00:00:01 type bridge");
        assert_int_equal(bridge_find_mac(netlink, world_ifindex("br0"), &mac, &entry, NULL), 0);
        assert_int_equal(entry.port, world_ifindex("br0"));
}

static void a_mac_of_another_bridge_is_unknown(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = -EBADF;
        FdbEntry entry = { .port = -77 };

        world_run("ip link add br0 type bridge && ip link add br1 type bridge");
        fd = create_port("vnic00000001");
        assert_int_equal(
                        fdb_add_static(netlink, world_ifindex("vnic00000001"), &guest, false, NULL),
                        0);
        assert_int_equal(bridge_find_mac(netlink, world_ifindex("br1"), &guest, &entry, NULL),
                        -ENOENT);
        assert_int_equal(entry.port, -77);
}

static void a_bridge_that_nobody_pinned_takes_the_lowest_mac(void **state) {
        const Mac lowest = { { 0, 0, 0, 0, 0, 1 } };
        Mac mac;

        world_run("ip link add br0 type bridge");
        assert_false(bridge_mac_is_pinned("br0"));
        world_run("ip link add low address 00:00:00:00:00:01 type veth peer name peer && "
                  "ip link set low master br0");
        mac = world_mac("br0");
        assert_true(mac_equal(&mac, &lowest)); /* so the next case is meaningful */
}

static void a_pinned_bridge_keeps_its_mac_when_a_lower_one_joins(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        LinkInfo bridge;
        Mac mac;

        world_run("ip link add br0 type bridge && "
                  "ip link add first address 52:54:00:00:00:01 type veth peer name peer1 && "
                  "ip link set first master br0");
        assert_int_equal(bridge_find(netlink, "br0", &bridge, NULL), 0);
        assert_int_equal(bridge_pin(netlink, &bridge, true, &failure), 0);
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_true(bridge_mac_is_pinned("br0"));
        world_run("ip link add low address 00:00:00:00:00:01 type veth peer name peer2 && "
                  "ip link set low master br0");
        mac = world_mac("br0");
        assert_true(mac_equal(&mac, &bridge.mac));
        world_run("ip link del first");
        mac = world_mac("br0");
        assert_true(mac_equal(&mac, &bridge.mac));
}

static void a_mac_that_was_set_is_left_alone(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        LinkInfo bridge;
        Mac before, after;

        world_run("ip link add br0 address 02:00:00:00:00:01 type bridge");
        assert_true(bridge_mac_is_pinned("br0"));
        assert_int_equal(bridge_find(netlink, "br0", &bridge, NULL), 0);
        before = world_mac("br0");
        bridge.mac.ether_addr_octet[5] = 9; /* as if it were older than what is set now */
        assert_int_equal(bridge_pin(netlink, &bridge, true, NULL), 0);
        after = world_mac("br0");
        assert_true(mac_equal(&before, &after));
}

static void a_bridge_that_is_not_there_counts_as_pinned(void **state) {
        assert_true(bridge_mac_is_pinned("nowhere"));
}

static void without_br_netfilter_nothing_is_filtered(void **state) {
        world_run("ip link add br0 type bridge");
        if (access("/proc/sys/net/bridge/bridge-nf-call-iptables", F_OK) == 0)
                world_run("echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables");
        assert_false(bridge_is_filtered("br0", AF_INET));
        if (access("/sys/class/net/br0/bridge/nf_call_iptables", F_OK) < 0)
                skip();
        world_run("echo 1 > /sys/class/net/br0/bridge/nf_call_iptables");
        assert_true(bridge_is_filtered("br0", AF_INET));
        world_run("echo 1 > /sys/class/net/br0/bridge/nf_call_ip6tables; "
                  "echo 0 > /sys/class/net/br0/bridge/nf_call_iptables");
        assert_true(bridge_is_filtered("br0", AF_INET6));
        assert_false(bridge_is_filtered("br0", AF_INET));
}

static void one_of_ours_is_whole_from_its_first_moment(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        const BridgeSettings settings = {
                .name = "net0",
                .mac = { { 0x76, 0x6e, 0x69, 0x63, 1, 2 } },
                .mtu = 1400,
                .group = 0x766e6963,
        };
        LinkInfo link;

        assert_int_equal(bridge_create(netlink, &settings, NULL), 0);
        assert_int_equal(bridge_find(netlink, "net0", &link, NULL), 0);
        assert_int_equal(link.group, 0x766e6963);
        assert_int_equal(link.mtu, 1400);
        assert_false(link.flags & IFF_UP);
        assert_true(bridge_mac_is_pinned("net0"));
        assert_true(world_link_says("net0", "stp_state 0"));
        assert_true(world_link_says("net0", "mcast_snooping 0"));
        assert_true(world_link_says("net0", "76:6e:69:63:01:02"));
        assert_int_equal(bridge_create(netlink, &settings, NULL), -EEXIST);
        assert_int_equal(world_count_links(), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(one_of_ours_is_whole_from_its_first_moment, world_enter),
                cmocka_unit_test_setup(a_bridge_is_found_by_name, world_enter),
                cmocka_unit_test_setup(a_name_of_nothing_is_no_such_bridge, world_enter),
                cmocka_unit_test_setup(another_link_is_not_a_bridge, world_enter),
                cmocka_unit_test_setup(an_alternative_name_is_no_such_bridge, world_enter),
                cmocka_unit_test_setup(all_flags_of_a_port_are_set_and_read_back, world_enter),
                cmocka_unit_test_setup(the_state_of_a_port_is_told, world_enter),
                cmocka_unit_test_setup(flags_that_libnl_has_and_those_that_it_lacks_arrive_together,
                                world_enter),
                cmocka_unit_test_setup(flags_of_what_is_no_port_are_refused, world_enter),
                cmocka_unit_test_setup(an_fdb_entry_of_ours_is_static_and_sticky, world_enter),
                cmocka_unit_test_setup(a_mac_has_one_static_entry, world_enter),
                cmocka_unit_test_setup(a_mac_is_found_behind_its_port, world_enter),
                cmocka_unit_test_setup(the_bridges_own_mac_is_behind_itself, world_enter),
                cmocka_unit_test_setup(a_mac_of_another_bridge_is_unknown, world_enter),
                cmocka_unit_test_setup(
                                a_bridge_that_nobody_pinned_takes_the_lowest_mac, world_enter),
                cmocka_unit_test_setup(
                                a_pinned_bridge_keeps_its_mac_when_a_lower_one_joins, world_enter),
                cmocka_unit_test_setup(a_mac_that_was_set_is_left_alone, world_enter),
                cmocka_unit_test_setup(a_bridge_that_is_not_there_counts_as_pinned, world_enter),
                cmocka_unit_test_setup(without_br_netfilter_nothing_is_filtered, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("bridge", tests, NULL, NULL);
}
