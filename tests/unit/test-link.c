/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links over rtnetlink: the result is verified with ioctl, sysfs and iproute2. */
#include <errno.h>

#include "common/cleanup.h"
#include "kernel/link.h"
#include "kernel/tap.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(Netlink, netlink_close)

#define _cleanup_netlink_ _cleanup_(netlink_closep)

static const Mac mac = { { 0xfe, 0x54, 0x00, 0x12, 0x34, 0x56 } };

static Netlink *open_netlink(void) {
        Netlink *netlink;

        assert_int_equal(netlink_open(&netlink, NETLINK_ROUTE), 0);
        return netlink;
}

static int create_tap(const char *name) {
        TapDevice device = { .vnet_hdr = true, .multiqueue = true };
        int fd;

        snprintf(device.name, sizeof(device.name), "%s", name);
        assert_int_equal(tap_create(&device, &fd, NULL), 0);
        return fd;
}

static void a_link_that_is_not_there_is_enodev(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        LinkInfo link = { .ifindex = 77 };

        assert_int_equal(link_get(netlink, 4711, &link, NULL), -ENODEV);
        assert_int_equal(link_get_by_name(netlink, "nowhere", &link, NULL), -ENODEV);
        assert_int_equal(link.ifindex, 77);
}

static void an_alternative_name_is_not_the_name(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        LinkInfo link = { .ifindex = 77 };

        world_run("ip link add br0 type bridge && "
                  "ip link property add dev br0 altname another");
        assert_int_equal(link_get_by_name(netlink, "br0", &link, NULL), 0);
        assert_int_equal(link.ifindex, world_ifindex("br0"));
        link.ifindex = 77;
        assert_int_equal(link_get_by_name(netlink, "another", &link, NULL), -ENODEV);
        assert_int_equal(link.ifindex, 77);
}

static void a_tap_is_seen_as_what_it_is(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        LinkInfo by_name, link;

        assert_int_equal(link_get_by_name(netlink, "vnic00000001", &by_name, NULL), 0);
        assert_int_equal(link_get(netlink, by_name.ifindex, &link, NULL), 0);
        assert_int_equal(link.ifindex, world_ifindex("vnic00000001"));
        assert_string_equal(link.name, "vnic00000001");
        assert_string_equal(link.kind, "tun");
        assert_true(link.tun.tap && link.tun.vnet_hdr && link.tun.multiqueue);
        assert_true(link.tun.owned && link.tun.owner == 0);
        assert_false(link.tun.persistent);
        assert_int_equal(link.tun.queues, 1);
        assert_int_equal(link.tx_queues, 256);
        assert_int_equal(link.mtu, 1500);
        assert_int_equal(link.master, 0);
        assert_int_equal(link.flags & IFF_UP, 0);
        assert_string_equal(link.alias, "");
}

static void mac_mtu_and_alias_are_set_in_one_step(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        const LinkSettings settings = { .alias = "words of ours", .mac = mac, .mtu = 9000 };
        Mac got;

        assert_int_equal(
                        link_configure(netlink, world_ifindex("vnic00000001"), &settings, NULL), 0);
        got = world_mac("vnic00000001");
        assert_true(mac_equal(&got, &mac));
        assert_int_equal(world_mtu("vnic00000001"), 9000);
        assert_string_equal(world_read("cat /sys/class/net/vnic00000001/ifalias"), "words of ours");
}

static void without_an_mtu_it_keeps_its_own(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        const LinkSettings settings = { .alias = "x", .mac = mac };

        assert_int_equal(
                        link_configure(netlink, world_ifindex("vnic00000001"), &settings, NULL), 0);
        assert_int_equal(world_mtu("vnic00000001"), 1500);
}

static void the_longest_alias_is_taken_and_a_longer_one_refused(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        LinkSettings settings = { .mac = mac };
        char alias[LINK_ALIAS_SIZE];
        LinkInfo link;

        /* The kernel counts the zero byte that ends it as one of 255. */
        memset(alias, 'a', sizeof(alias));
        alias[LINK_ALIAS_SIZE - 2] = '\0';
        settings.alias = alias;
        assert_int_equal(
                        link_configure(netlink, world_ifindex("vnic00000001"), &settings, NULL), 0);
        assert_int_equal(link_get_by_name(netlink, "vnic00000001", &link, NULL), 0);
        assert_string_equal(link.alias, alias);
        alias[LINK_ALIAS_SIZE - 2] = 'a';
        alias[LINK_ALIAS_SIZE - 1] = '\0';
        assert_true(link_configure(netlink, world_ifindex("vnic00000001"), &settings, NULL) < 0);
}

static void the_kernels_own_words_survive(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        const LinkSettings settings = { .alias = "x", .mac = mac, .mtu = 70000 };
        Failure failure = FAILURE_INIT;

        assert_int_equal(
                        link_configure(netlink, world_ifindex("vnic00000001"), &settings, &failure),
                        -EINVAL);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
        if (!strstr(failure.text, "mtu greater than device maximum"))
                fail_msg("\"%s\"", failure.text);
        assert_memory_equal(failure.text, "Cannot set the link's MAC, MTU and alias", 40);
}

static void after_a_refusal_the_socket_still_serves(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        LinkInfo link;

        for (int i = 0; i < 100; i++) {
                assert_int_equal(link_get(netlink, 4711, &link, &failure), -ENODEV);
                assert_int_equal(link_get_by_name(netlink, "lo", &link, NULL), 0);
                assert_string_equal(link.name, "lo");
        }
        assert_int_equal(failure.kind, FAILURE_KERNEL);
}

static void a_success_leaves_the_failure_alone(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        const LinkSettings settings = { .alias = "x", .mac = mac };
        Failure failure = FAILURE_INIT;
        LinkInfo link;

        assert_int_equal(link_get_by_name(netlink, "vnic00000001", &link, &failure), 0);
        assert_int_equal(link_configure(netlink, link.ifindex, &settings, &failure), 0);
        assert_int_equal(link_set_up(netlink, link.ifindex, &failure), 0);
        assert_int_equal(failure.kind, FAILURE_NONE);
}

static void it_gives_itself_no_ipv6_address_when_it_comes_up(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int ours = create_tap("vnic00000001"), other = create_tap("other");
        const LinkSettings settings = { .alias = "x", .mac = mac };

        assert_int_equal(
                        link_configure(netlink, world_ifindex("vnic00000001"), &settings, NULL), 0);
        assert_int_equal(link_set_up(netlink, world_ifindex("vnic00000001"), NULL), 0);
        assert_int_equal(link_set_up(netlink, world_ifindex("other"), NULL), 0);
        /* The other one shows that it would otherwise have got one. */
        if (!strstr(world_read("ip -6 addr show dev other"), "fe80:"))
                skip();
        assert_null(strstr(world_read("ip -6 addr show dev vnic00000001"), "inet6"));
}

static void below_ipv6s_smallest_mtu_there_is_nothing_to_refuse(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        const LinkSettings settings = { .alias = "x", .mac = mac, .mtu = 68 };
        int ifindex = world_ifindex("vnic00000001");
        Failure failure = FAILURE_INIT;
        LinkInfo link;

        assert_int_equal(link_configure(netlink, ifindex, &settings, &failure), 0);
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_int_equal(link_get(netlink, ifindex, &link, NULL), 0);
        assert_int_equal(link.mtu, 68);
        assert_true(mac_equal(&link.mac, &mac));
        assert_string_equal(link.alias, "x");
        assert_int_equal(link_set_up(netlink, ifindex, NULL), 0);
}

static void it_comes_up_and_nothing_else_changes(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        LinkInfo before, after;

        assert_int_equal(link_get_by_name(netlink, "vnic00000001", &before, NULL), 0);
        assert_int_equal(link_set_up(netlink, before.ifindex, NULL), 0);
        assert_int_equal(link_get(netlink, before.ifindex, &after, NULL), 0);
        assert_true(after.flags & IFF_UP);
        assert_true(mac_equal(&before.mac, &after.mac));
        assert_int_equal(before.mtu, after.mtu);
        assert_int_equal(
                        (before.flags ^ after.flags) & (IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP), 0);
}

static void it_joins_a_bridge_and_says_so(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        LinkInfo link;

        world_run("ip link add br0 type bridge");
        assert_int_equal(link_set_master(netlink, world_ifindex("vnic00000001"),
                                         world_ifindex("br0"), NULL),
                        0);
        assert_true(world_link_says("vnic00000001", "master br0"));
        assert_int_equal(link_get_by_name(netlink, "vnic00000001", &link, NULL), 0);
        assert_int_equal(link.master, world_ifindex("br0"));
        assert_true(link.port.learning);
        assert_false(link.port.locked || link.port.isolated);
}

static void a_link_that_is_gone_is_enodev(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        const LinkSettings settings = { .alias = "x", .mac = mac };
        int ifindex = world_ifindex("vnic00000001");

        assert_int_equal(link_set_master(netlink, 4711, ifindex, NULL), -ENODEV);
        assert_int_equal(link_set_up(netlink, 4711, NULL), -ENODEV);
        assert_int_equal(link_configure(netlink, 4711, &settings, NULL), -ENODEV);
        assert_int_equal(link_set_mac(netlink, 4711, &mac, NULL), -ENODEV);
        assert_int_equal(link_delete(netlink, 4711, NULL), -ENODEV);
}

static void a_bridge_that_is_gone_is_enodev(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");

        assert_int_equal(link_set_master(netlink, world_ifindex("vnic00000001"), 4711, NULL),
                        -ENODEV);
}

static void deleting_takes_it_away_under_its_holder(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        _cleanup_close_ int fd = create_tap("vnic00000001");
        int ifindex = world_ifindex("vnic00000001");
        char byte;

        assert_int_equal(link_delete(netlink, ifindex, NULL), 0);
        assert_false(world_has_link("vnic00000001"));
        assert_int_equal(read(fd, &byte, 1), -1);
        assert_int_equal(errno, EBADFD);
        assert_int_equal(link_delete(netlink, ifindex, NULL), -ENODEV);
}

static int count_one(const LinkInfo *link, void *userdata) {
        unsigned *n = userdata;

        ++*n;
        return 0;
}

static int stop_at_once(const LinkInfo *link, void *userdata) {
        unsigned *n = userdata;

        ++*n;
        return -ECANCELED;
}

static void a_dump_shows_each_link_once(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        unsigned n = 0;

        world_run("for i in $(seq 1 20); do echo link add b$i type bridge; done | ip -batch -");
        assert_int_equal(link_dump(netlink, count_one, &n, NULL), 0);
        assert_int_equal(n, 21);
        assert_int_equal(n, world_count_links());
}

static void a_dump_gives_the_error_of_who_looks_and_the_socket_serves_on(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        unsigned n = 0;
        LinkInfo link;

        world_run("for i in $(seq 1 20); do echo link add b$i type bridge; done | ip -batch -");
        assert_int_equal(link_dump(netlink, stop_at_once, &n, NULL), -ECANCELED);
        assert_int_equal(link_get_by_name(netlink, "b20", &link, NULL), 0);
        assert_string_equal(link.name, "b20");
}

/* Another program deletes a link while the first one of the list is read. */
static int overtake_once(const LinkInfo *link, void *userdata) {
        unsigned *n = userdata;

        if ((*n)++ == 0)
                world_run("ip link del b1");
        return 0;
}

/* The kernel sends the list in parts, and a part may be from before the change and the next from
 * after it. */
static void a_dump_that_a_change_has_overtaken_is_not_whole(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        unsigned n = 0;

        world_run("for i in $(seq 1 60); do echo link add b$i type bridge; done | ip -batch -");
        assert_int_equal(link_dump(netlink, overtake_once, &n, &failure), -EINTR);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
        n = 0;
        assert_int_equal(link_dump(netlink, count_one, &n, NULL), 0);
        assert_int_equal(n, world_count_links());
}

static void a_dump_of_ports_shows_those_of_the_master_alone(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        unsigned n = 0;

        world_run("ip link add br0 type bridge && ip link add br1 type bridge && "
                  "ip link add a0 type veth peer name a1 && ip link add b0 type veth peer name b1 "
                  "&& "
                  "ip link set a0 master br0 && ip link set b0 master br0 && ip link set a1 master "
                  "br1");
        assert_int_equal(link_dump_ports(netlink, world_ifindex("br0"), count_one, &n, NULL), 0);
        assert_int_equal(n, 2);
        n = 0;
        assert_int_equal(link_dump_ports(netlink, 4711, count_one, &n, NULL), 0);
        assert_int_equal(n, 0);
        assert_int_equal(link_dump_ports(netlink, world_ifindex("br0"), stop_at_once, &n, NULL),
                        -ECANCELED);
}

static void an_ifindex_has_its_name_or_none(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        char name[IFNAMSIZ];

        assert_string_equal(link_name(netlink, 1, name), "lo");
        assert_string_equal(link_name(netlink, 4711, name), "");
        assert_string_equal(link_name(netlink, 0, name), "");
        assert_string_equal(link_name(netlink, -1, name), "");
}

static void a_name_has_its_ifindex_or_none(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Failure failure = FAILURE_INIT;
        int ifindex = 0;

        assert_int_equal(link_find(netlink, "lo", &ifindex, &failure), 0);
        assert_int_equal(ifindex, 1);
        assert_int_equal(link_find(netlink, "nowhere", &ifindex, &failure), -ENODEV);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
        assert_int_equal(ifindex, 1);
}

static void opening_and_closing_leaves_no_fd(void **state) {
        unsigned fds = world_count_fds();

        for (int i = 0; i < 100; i++)
                netlink_close(open_netlink());
        assert_int_equal(world_count_fds(), fds);
        assert_null(netlink_close(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(a_link_that_is_not_there_is_enodev, world_enter),
                cmocka_unit_test_setup(an_alternative_name_is_not_the_name, world_enter),
                cmocka_unit_test_setup(a_tap_is_seen_as_what_it_is, world_enter),
                cmocka_unit_test_setup(mac_mtu_and_alias_are_set_in_one_step, world_enter),
                cmocka_unit_test_setup(without_an_mtu_it_keeps_its_own, world_enter),
                cmocka_unit_test_setup(
                                the_longest_alias_is_taken_and_a_longer_one_refused, world_enter),
                cmocka_unit_test_setup(the_kernels_own_words_survive, world_enter),
                cmocka_unit_test_setup(after_a_refusal_the_socket_still_serves, world_enter),
                cmocka_unit_test_setup(a_success_leaves_the_failure_alone, world_enter),
                cmocka_unit_test_setup(
                                it_gives_itself_no_ipv6_address_when_it_comes_up, world_enter),
                cmocka_unit_test_setup(
                                below_ipv6s_smallest_mtu_there_is_nothing_to_refuse, world_enter),
                cmocka_unit_test_setup(it_comes_up_and_nothing_else_changes, world_enter),
                cmocka_unit_test_setup(it_joins_a_bridge_and_says_so, world_enter),
                cmocka_unit_test_setup(a_link_that_is_gone_is_enodev, world_enter),
                cmocka_unit_test_setup(a_bridge_that_is_gone_is_enodev, world_enter),
                cmocka_unit_test_setup(deleting_takes_it_away_under_its_holder, world_enter),
                cmocka_unit_test_setup(a_dump_shows_each_link_once, world_enter),
                cmocka_unit_test_setup(
                                a_dump_that_a_change_has_overtaken_is_not_whole, world_enter),
                cmocka_unit_test_setup(
                                a_dump_of_ports_shows_those_of_the_master_alone, world_enter),
                cmocka_unit_test_setup(a_dump_gives_the_error_of_who_looks_and_the_socket_serves_on,
                                world_enter),
                cmocka_unit_test_setup(an_ifindex_has_its_name_or_none, world_enter),
                cmocka_unit_test_setup(a_name_has_its_ifindex_or_none, world_enter),
                cmocka_unit_test_setup(opening_and_closing_leaves_no_fd, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
