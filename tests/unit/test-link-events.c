/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of the kernel: that they arrive, from whom they are accepted, and that a loss is
 * reported. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/link-events.h"
#include "kernel/tap.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(LinkEvents, link_events_close)

#define _cleanup_events_ _cleanup_(link_events_closep)

typedef struct Seen {
        unsigned n, gone, closed;
        LinkInfo last;
        unsigned ports, lost_entries, addresses;
        int master;       /* of tap0 */
        unsigned masters; /* how often it differed from the one before */
} Seen;

static void see(const LinkInfo *link, LinkEvent event, void *userdata) {
        Seen *seen = userdata;

        if (event == LINK_PORT_IS_NEW) {
                seen->ports++;
                return;
        }

        if (event == LINK_ADDRESS) {
                seen->addresses++;
                seen->last = *link;
                return;
        }

        if (event == LINK_FDB_GONE) {
                seen->lost_entries++;
                seen->last = *link;
                return;
        }

        seen->n++;
        seen->gone += event == LINK_GONE;
        seen->closed += event != LINK_GONE && link->tun.closed;
        if (strcmp(link->name, "tap0") == 0) {
                seen->masters += link->master != seen->master;
                seen->master = link->master;
        }
        seen->last = *link;
}

static LinkEvents *open_events(void) {
        LinkEvents *events;

        assert_int_equal(link_events_open(&events), 0);
        return events;
}

/* Reads to the end; returns the result of the last call. */
static int drain(LinkEvents *events, Seen *seen) {
        int r = 1;

        while (r > 0)
                r = link_events_read(events, see, seen);
        return r;
}

/* The kernel reports IPv6 addresses later, from a worker. */
static void drain_until_addresses(LinkEvents *events, Seen *seen, unsigned n) {
        struct pollfd fd = { .fd = link_events_fd(events), .events = POLLIN };

        do
                (void)drain(events, seen);
        while (seen->addresses < n && poll(&fd, 1, 5000) > 0);
        assert_int_equal(seen->addresses, n);
}

static bool polls_readable(const LinkEvents *events) {
        struct pollfd fd = { .fd = link_events_fd(events), .events = POLLIN };

        return poll(&fd, 1, 0) == 1;
}

static void without_events_it_does_not_block(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };

        assert_false(polls_readable(events));
        assert_int_equal(link_events_read(events, see, &seen), 0);
        assert_int_equal(seen.n, 0);
}

static void a_link_that_comes_is_told_and_one_that_goes(void **state) {
        const TapDevice device = { .name = "vnic00000001" };
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };
        int fd, ifindex;

        assert_int_equal(tap_create(&device, &fd, NULL), 0);
        ifindex = world_ifindex("vnic00000001");
        assert_true(polls_readable(events));
        assert_int_equal(drain(events, &seen), 0);
        assert_true(seen.n >= 1);
        assert_int_equal(seen.gone, 0);
        assert_int_equal(seen.last.ifindex, ifindex);
        assert_string_equal(seen.last.name, "vnic00000001");
        assert_string_equal(seen.last.kind, "tun");

        close(fd);
        seen = (Seen){ 0 };
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.gone, 1);
        assert_int_equal(seen.last.ifindex, ifindex);
}

static void addresses_are_told_but_no_link_local_ones(void **state) {
        _cleanup_events_ LinkEvents *events = NULL;
        Seen seen = { 0 };

        world_run("ip link add br0 type bridge");
        events = open_events();
        world_run("ip address add 203.0.113.9/24 dev br0");
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.addresses, 1);
        assert_int_equal(seen.last.ifindex, world_ifindex("br0"));
        world_run("ip address add 2001:db8::1/64 dev br0 nodad");
        drain_until_addresses(events, &seen, 2);
        world_run("ip address del 203.0.113.9/24 dev br0");
        (void)drain(events, &seen);
        assert_int_equal(seen.addresses, 3);
        world_run("ip address add 169.254.9.9/16 scope link dev br0 && "
                  "ip address add fe80::9/64 dev br0 && ip link set br0 up");
        (void)drain(events, &seen);
        assert_int_equal(seen.addresses, 3);
}

/* Before the kernel deletes a tap it takes it down, which is no administrator's doing. */
static void a_tap_that_goes_is_closed_and_one_that_was_taken_down_is_not(void **state) {
        for (int multiqueue = 0; multiqueue < 2; multiqueue++) {
                const TapDevice device = { .name = "vnic00000001", .multiqueue = multiqueue };
                _cleanup_events_ LinkEvents *events = NULL;
                Seen seen = { 0 };
                int fd;

                assert_int_equal(tap_create(&device, &fd, NULL), 0);
                world_run("ip link set vnic00000001 up");
                events = open_events();
                world_run("ip link set vnic00000001 down");
                assert_int_equal(drain(events, &seen), 0);
                assert_true(seen.n >= 1);
                assert_int_equal(seen.closed, 0);
                world_run("ip link set vnic00000001 up");
                close(fd);
                assert_int_equal(drain(events, &seen), 0);
                assert_int_equal(seen.gone, 1);
                assert_int_equal(seen.closed, 1);
        }
}

static void leaving_the_namespace_is_going(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };

        world_run("ip link add left type veth peer name right");
        drain(events, &seen);
        seen = (Seen){ 0 };
        world_run("unshare -n sleep 5 & p=$!; "
                  "while [ $(readlink /proc/$p/ns/net) = $(readlink /proc/self/ns/net) ]; do "
                  "sleep 0.01; done; "
                  "ip link set left netns $p; kill $p; wait $p; true");
        drain(events, &seen);
        assert_true(seen.gone >= 1);
}

/* A port that leaves its bridge: RTM_DELLINK, but of family AF_BRIDGE. */
static void leaving_a_bridge_is_not_going(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };

        world_run("ip link add br0 type bridge && ip tuntap add dev tap0 mode tap && "
                  "ip link set tap0 master br0");
        world_run("ip link set tap0 nomaster");
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.gone, 0);
        assert_true(seen.n >= 4);
}

static void a_loss_is_told_and_then_the_rest_comes(void **state) {
        world_needs_the_hosts_root();
        _cleanup_events_ LinkEvents *events = open_events();
        const int small = 4096;
        Seen seen = { 0 };

        assert_int_equal(setsockopt(link_events_fd(events), SOL_SOCKET, SO_RCVBUFFORCE, &small,
                                         sizeof(small)),
                        0);
        world_make_noise(200);
        assert_int_equal(drain(events, &seen), -ENOBUFS);
        seen = (Seen){ 0 };
        assert_int_equal(drain(events, &seen), 0);
        assert_true(seen.n >= 1 && seen.n < 200);
        world_make_noise(1);
        seen = (Seen){ 0 };
        assert_int_equal(drain(events, &seen), 0);
        assert_true(seen.n >= 1);
}

static void a_thousand_events_are_no_loss(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };

        world_make_noise(1000);
        assert_int_equal(drain(events, &seen), 0);
        assert_true(seen.n >= 1000);
}

/* A late reader reads the current state, once. */
static void of_what_is_said_again_the_last_is_told(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };

        world_run("for i in $(seq 1 30); do ip link set lo mtu $((1000 + i)); done");
        assert_int_equal(drain(events, &seen), 0);
        assert_true(seen.n < 10);
        assert_int_equal(seen.last.ifindex, 1);
        assert_int_equal(seen.last.mtu, 1030);
}

/* Nor is a master left out that it had for a moment: what the port lost there has to be set
 * again. */
static void a_master_in_between_is_told(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        Seen seen = { 0 };
        int br0;

        world_run("ip link add br0 type bridge && ip link add br1 type bridge && "
                  "ip tuntap add dev tap0 mode tap && ip link set tap0 master br0");
        drain(events, &seen);
        br0 = world_ifindex("br0");
        seen = (Seen){ .master = br0 };
        world_run("printf 'link set tap0 nomaster\nlink set tap0 master br1\nlink set tap0 "
                  "nomaster\n"
                  "link set tap0 master br0\n' | ip -batch -");
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.master, br0);
        assert_int_equal(seen.masters, 4);
}

/* Another process, even root's, may send to the group; only the kernel is believed. */
static void what_another_process_sends_is_not_believed(void **state) {
        _cleanup_events_ LinkEvents *events = open_events();
        const struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
        const struct {
                struct nlmsghdr header;
                struct ifinfomsg link;
        } forged = {
                .header = { .nlmsg_len = sizeof(forged), .nlmsg_type = RTM_DELLINK },
                .link = { .ifi_index = 1 },
        };
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        Seen seen = { 0 };

        assert_true(fd >= 0);
        (void)sendto(fd, &forged, sizeof(forged), 0, (const void *)&group, sizeof(group));
        if (!polls_readable(events))
                skip(); /* this kernel does not even pass it on */
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.n, 0);
}

static void opening_and_closing_leaves_no_fd(void **state) {
        unsigned fds = world_count_fds();

        for (int i = 0; i < 50; i++)
                link_events_close(open_events());
        assert_int_equal(world_count_fds(), fds);
        assert_null(link_events_close(NULL));
}

/* Bridges learn and forget all the time, and IP neighbours come and go: none of that wakes the
 * service. */
static void of_the_entries_of_bridges_only_the_loss_of_one_that_was_set_is_told(void **state) {
        const Mac mac = { { 0x52, 0x54, 0, 0, 0, 1 } };
        _cleanup_events_ LinkEvents *events = NULL;
        Seen seen = { 0 };

        world_run("ip link add br0 type bridge && ip link add v0 type veth peer name v1 && "
                  "ip link set v0 master br0 up && ip link set br0 up && ip link set v1 up");
        /* A change of its carrier may take a neighbour away while it is being added. */
        world_run("until grep -q up /sys/class/net/br0/operstate; do sleep 0.01; done");
        events = open_events();
        world_run("bridge fdb add 52:54:00:00:00:01 dev v0 master static && "
                  "bridge fdb add 52:54:00:00:00:02 dev v0 master dynamic && "
                  "bridge fdb del 52:54:00:00:00:02 dev v0 master && "
                  "ip neigh add 192.0.2.9 lladdr 52:54:00:00:00:03 dev br0 nud permanent && "
                  "ip neigh del 192.0.2.9 dev br0");
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.lost_entries, 0);
        world_run("bridge fdb del 52:54:00:00:00:01 dev v0 master");
        assert_int_equal(drain(events, &seen), 0);
        assert_int_equal(seen.lost_entries, 1);
        assert_int_equal(seen.last.ifindex, world_ifindex("v0"));
        assert_true(mac_equal(&seen.last.mac, &mac));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(without_events_it_does_not_block, world_enter),
                cmocka_unit_test_setup(a_link_that_comes_is_told_and_one_that_goes, world_enter),
                cmocka_unit_test_setup(a_tap_that_goes_is_closed_and_one_that_was_taken_down_is_not,
                                world_enter),
                cmocka_unit_test_setup(addresses_are_told_but_no_link_local_ones, world_enter),
                cmocka_unit_test_setup(leaving_the_namespace_is_going, world_enter),
                cmocka_unit_test_setup(leaving_a_bridge_is_not_going, world_enter),
                cmocka_unit_test_setup(a_loss_is_told_and_then_the_rest_comes, world_enter),
                cmocka_unit_test_setup(a_thousand_events_are_no_loss, world_enter),
                cmocka_unit_test_setup(of_what_is_said_again_the_last_is_told, world_enter),
                cmocka_unit_test_setup(a_master_in_between_is_told, world_enter),
                cmocka_unit_test_setup(what_another_process_sends_is_not_believed, world_enter),
                cmocka_unit_test_setup(opening_and_closing_leaves_no_fd, world_enter),
                cmocka_unit_test_setup(
                                of_the_entries_of_bridges_only_the_loss_of_one_that_was_set_is_told,
                                world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("link-events", tests, NULL, NULL);
}
