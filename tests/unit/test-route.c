/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses, routes and forwarding, verified with iproute2 and /proc/sys. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/address.h"
#include "kernel/forwarding.h"
#include "kernel/route-events.h"
#include "kernel/route.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(Netlink, netlink_close)

#define _cleanup_netlink_ _cleanup_(netlink_closep)

static Netlink *open_netlink(void) {
        Netlink *netlink;

        assert_int_equal(netlink_open(&netlink, NETLINK_ROUTE), 0);
        return netlink;
}

static void an_address_is_given_once_and_asked_for_again(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        struct in6_addr v6;
        struct in_addr v4;
        int ifindex;

        world_run("ip link add d0 type bridge; ip link set d0 addrgenmode none; ip link set d0 up");
        ifindex = world_ifindex("d0");
        inet_pton(AF_INET, "10.70.3.1", &v4);
        inet_pton(AF_INET6, "fd70:3::1", &v6);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(address_add_v4(netlink, ifindex, v4, 24, NULL), 0);
                assert_int_equal(address_add_v6(netlink, ifindex, &v6, 64, NULL), 0);
        }
        assert_string_equal(world_read("ip -br address show dev d0 | sed 's/  */ /g;s/ $//'"),
                        "d0 UNKNOWN 10.70.3.1/24 fd70:3::1/64");
        assert_non_null(strstr(world_read("ip address show dev d0"), "brd 10.70.3.255"));
        assert_null(strstr(world_read("ip address show dev d0"), "tentative"));
        assert_int_equal(address_add_v4(netlink, 9999, v4, 24, NULL), -ENODEV);
}

typedef struct Seen {
        unsigned n, defaults;
        int devices[ROUTE_DEVICES_MAX];
        bool subnet, blackhole, far, v6;
} Seen;

static int see(const Route *route, void *userdata) {
        Seen *seen = userdata;
        char text[INET6_ADDRSTRLEN];

        seen->n++;
        inet_ntop(route->family, &route->destination, text, sizeof(text));
        if (route->prefix == 0) {
                seen->defaults++;
                memcpy(seen->devices, route->devices, sizeof(seen->devices));
        }
        seen->subnet |= strcmp(text, "10.70.3.0") == 0 && route->prefix == 24 && route->on_link;
        seen->far |= strcmp(text, "10.70.5.0") == 0 && route->unicast && !route->on_link;
        seen->blackhole |=
                        strcmp(text, "172.16.0.0") == 0 && route->prefix == 12 && !route->unicast;
        seen->v6 |= strcmp(text, "fd70:3::") == 0 && route->prefix == 64;
        return 0;
}

static void routes_of_every_table_are_told_with_their_devices(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        Seen seen = { 0 };

        world_run("ip link add d0 type bridge; ip link add d1 type bridge; ip link set d0 up; "
                  "ip link set d1 up; ip address add 10.70.3.1/24 dev d0; "
                  "ip address add fd70:3::1/64 dev d0; ip address add 10.70.4.1/24 dev d1; "
                  "ip route add blackhole 172.16.0.0/12 table 99; "
                  "ip route add 10.70.5.0/24 via 10.70.3.2; "
                  "ip route add default nexthop via 10.70.3.2 nexthop via 10.70.4.2");
        assert_int_equal(route_dump(netlink, AF_INET, see, &seen, NULL), 0);
        assert_true(seen.subnet);
        assert_true(seen.blackhole);
        assert_true(seen.far);
        assert_int_equal(seen.defaults, 1);
        assert_int_equal(seen.devices[0], world_ifindex("d0"));
        assert_int_equal(seen.devices[1], world_ifindex("d1"));
        assert_int_equal(seen.devices[2], 0);
        assert_false(seen.v6);
        assert_int_equal(route_dump(netlink, AF_INET6, see, &seen, NULL), 0);
        assert_true(seen.v6);
}

/* An encapsulation that this kernel has and libnl does not know, and a route through a neighbour
 * of another family. */
static void a_route_that_libnl_cannot_read_is_read(void **state) {
        const struct rtmsg header = {
                .rtm_family = AF_INET, .rtm_dst_len = 24, .rtm_type = RTN_UNICAST
        };
        const unsigned char destination[] = { 10, 70, 9, 0 };
        struct {
                struct rtnexthop hop;
                struct nlattr type;
                uint16_t value, pad;
                struct nlattr nest;
        } path = {
                .hop = { .rtnh_len = sizeof(path), .rtnh_ifindex = 8 },
                .type = { .nla_len = NLA_HDRLEN + 2, .nla_type = RTA_ENCAP_TYPE },
                .value = LWTUNNEL_ENCAP_IP,
                .nest = { .nla_len = NLA_HDRLEN, .nla_type = RTA_ENCAP },
        };
        _cleanup_(nlmsg_freep) struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWROUTE, 0);
        Route route;

        assert_int_equal(nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO), 0);
        nla_put(message, RTA_DST, sizeof(destination), destination);
        nla_put_u32(message, RTA_OIF, 7);
        nla_put_u16(message, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_IP);
        nla_put(message, RTA_ENCAP, 0, "");
        assert_int_equal(route_parse(nlmsg_hdr(message), &route), 0);
        assert_int_equal(route.prefix, 24);
        assert_memory_equal(&route.destination.v4, destination, sizeof(destination));
        assert_int_equal(route.devices[0], 7);
        assert_true(route.on_link);
        nla_put(message, RTA_MULTIPATH, sizeof(path), &path);
        nla_put(message, RTA_VIA, 18,
                        "\x0a\0"
                        "0123456789abcdef");
        assert_int_equal(route_parse(nlmsg_hdr(message), &route), 0);
        assert_int_equal(route.devices[1], 8);
        assert_int_equal(route.devices[2], 0);
        assert_false(route.on_link);
}

static int stop(const Route *route, void *userdata) {
        return -ECANCELED;
}

static void a_dump_ends_with_what_its_reader_says(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();

        world_run("ip link set lo up");
        assert_int_equal(route_dump(netlink, AF_INET, stop, NULL, NULL), -ECANCELED);
}

static void count_event(const RouteEvent *event, void *userdata) {
        unsigned *seen = userdata;

        *seen |= 1U << event->kind;
}

/* The kinds of events that the commands cause, as bits. The kernel reports IPv6 addresses later,
 * from a worker, so those that are expected are waited for. */
static unsigned events_of(int fd, const char *commands, unsigned expected) {
        struct pollfd events = { .fd = fd, .events = POLLIN };
        unsigned seen = 0;

        world_run("%s", commands);
        do
                route_events_read(fd, count_event, &seen);
        while ((seen & expected) != expected && poll(&events, 1, 5000) > 0);
        return seen;
}

#define IS(kind) (1U << ROUTE_EVENT_##kind)
#define assert_events(fd, commands, expected)                                                      \
        assert_int_equal(events_of(fd, commands, expected), expected)

static void changes_of_routes_addresses_and_forwarding_are_told(void **state) {
        _cleanup_close_ int fd = -EBADF;

        world_run("ip link add d0 type bridge; ip link set d0 addrgenmode none; ip link set d0 up; "
                  "ip address add 192.0.2.2/24 dev d0; ip address add 2001:db8::2/64 dev d0 nodad");
        /* The worker that reports the address adds its local route next. */
        world_run("until ip -6 route show table local 2001:db8::2 | grep -q .; do sleep 0.01; done");
        fd = route_events_open();
        assert_ok(fd);
        assert_events(fd, "ip route add default via 192.0.2.1", IS(NEW));
        assert_events(fd, "ip -6 route add default via 2001:db8::1", IS(NEW));
        assert_events(fd, "ip route add 198.51.100.0/24 dev d0", IS(NEW));
        assert_events(fd, "ip route del 198.51.100.0/24 dev d0", IS(GONE));
        assert_events(fd, "ip -6 route add 2001:db8:1::/64 dev d0", IS(NEW));
        assert_events(fd, "ip route add 203.0.113.0/24 via 192.0.2.1", IS(NEW));
        assert_events(fd, "echo 1 > /proc/sys/net/ipv4/conf/d0/forwarding", IS(FORWARDING));
        assert_events(fd, "echo 1 > /proc/sys/net/ipv6/conf/d0/forwarding", IS(FORWARDING));
        assert_events(fd, "ip address add 192.0.2.3/32 dev lo", IS(ADDRESS));
        assert_events(fd, "ip address del 192.0.2.2/24 dev d0", IS(ADDRESS) | IS(GONE));
        /* The routes of link-local addresses are not reported. */
        assert_events(fd, "ip address add fe80::1/64 dev d0 nodad", IS(ADDRESS));
        assert_events(fd, "ip address del fe80::1/64 dev d0", IS(ADDRESS));
        assert_events(fd, "echo 1 > /proc/sys/net/ipv4/conf/d0/rp_filter", 0);
        assert_events(fd, "ip -6 route add fe80::/64 dev d0", 0);
        assert_events(fd, "ip route add local 203.0.115.1 dev d0", 0);
}

/* A message that contains only its device, cut off after n bytes. */
static unsigned event_of_settings_cut(size_t n) {
        const struct {
                struct nlmsghdr header;
                struct netconfmsg message;
                uint8_t pad[3];
                struct nlattr attribute;
                uint32_t ifindex;
        } whole = {
                .header = { .nlmsg_len = (uint32_t)n, .nlmsg_type = RTM_NEWNETCONF },
                .message = { .ncm_family = AF_INET },
                .attribute = { .nla_len = NLA_HDRLEN + 4, .nla_type = NETCONFA_IFINDEX },
                .ifindex = 7,
        };
        unsigned seen = 0;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(send(fds[0], &whole, n, 0), n);
        route_events_read(fds[1], count_event, &seen);
        close_fd(fds[0]);
        close_fd(fds[1]);
        return seen;
}

static void what_cannot_be_read_may_be_anything(void **state) {
        for (size_t n = sizeof(struct nlmsghdr); n < sizeof(struct nlmsghdr) + 12; n++)
                if (event_of_settings_cut(n) != IS(LOST))
                        fail_msg("%zu: %#x", n, event_of_settings_cut(n));
        /* It is complete, and contains nothing about forwarding. */
        assert_int_equal(event_of_settings_cut(sizeof(struct nlmsghdr) + 12), 0);
}

static void what_did_not_fit_may_have_been_anything(void **state) {
        const int least = 0;
        _cleanup_close_ int fd = -EBADF;
        unsigned seen;

        world_run("ip link add d0 type bridge; ip link set d0 up");
        fd = route_events_open();
        assert_ok(fd);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
        seen = events_of(fd,
                        "for i in $(seq 1 50); do echo route add 10.1.$i.0/24 dev d0; done | "
                        "ip -batch -",
                        IS(LOST));
        assert_int_equal(seen & IS(LOST), IS(LOST));
        /* And from then on they are reported again. */
        assert_events(fd, "ip route del 10.1.50.0/24 dev d0", IS(GONE));
}

static void many_changes_are_told_in_portions(void **state) {
        _cleanup_close_ int fd = -EBADF;
        struct pollfd pollfd;
        unsigned seen = 0;

        world_run("ip link add d0 type bridge; ip link set d0 up; ip address add 192.0.2.2/24 dev "
                  "d0");
        fd = route_events_open();
        assert_ok(fd);
        world_run("for i in $(seq 1 250); do echo route add 10.1.$i.0/24 dev d0; "
                  "echo route del 10.1.$i.0/24 dev d0; done | ip -batch -");
        pollfd = (struct pollfd){ .fd = fd, .events = POLLIN };
        route_events_read(fd, count_event, &seen);
        assert_int_equal(poll(&pollfd, 1, 0), 1);
        for (int i = 0; i < 10 && poll(&pollfd, 1, 0) == 1; i++)
                route_events_read(fd, count_event, &seen);
        assert_int_equal(poll(&pollfd, 1, 0), 0);
        assert_true(seen & IS(NEW) && seen & IS(GONE));
}

static bool sysctl_is(const char *path, const char *value) {
        return strcmp(world_read("cat /proc/sys/net/ipv4/conf/%s/forwarding", path), value) == 0;
}

static void forwarding_is_switched_for_one_device_only(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        int d0;
        bool on;

        world_run("ip link add d0 type bridge; ip link add d1 type bridge");
        d0 = world_ifindex("d0");
        assert_int_equal(forwarding_get(netlink, AF_INET, d0, &on, NULL), 0);
        assert_false(on);
        assert_int_equal(forwarding_set(netlink, d0, true, NULL), 0);
        assert_true(sysctl_is("d0", "1"));
        assert_true(sysctl_is("d1", "0"));
        assert_true(sysctl_is("all", "0"));
        assert_int_equal(forwarding_get(netlink, AF_INET, d0, &on, NULL), 0);
        assert_true(on);
        assert_int_equal(forwarding_get(netlink, AF_INET, FORWARDING_ALL, &on, NULL), 0);
        assert_false(on);
        assert_int_equal(forwarding_set(netlink, d0, false, NULL), 0);
        assert_true(sysctl_is("d0", "0"));
        assert_int_equal(forwarding_set(netlink, 9999, true, NULL), -ENODEV);
        assert_int_equal(forwarding_get(netlink, AF_INET, 9999, &on, NULL), -ENODEV);
}

static void what_the_host_as_a_whole_forwards_is_told(void **state) {
        _cleanup_netlink_ Netlink *netlink = open_netlink();
        bool on = true;

        assert_int_equal(forwarding_get(netlink, AF_INET6, FORWARDING_ALL, &on, NULL), 0);
        assert_false(on);
        world_run("echo 1 > /proc/sys/net/ipv4/ip_forward; "
                  "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        assert_int_equal(forwarding_get(netlink, AF_INET, FORWARDING_ALL, &on, NULL), 0);
        assert_true(on);
        on = false;
        assert_int_equal(forwarding_get(netlink, AF_INET6, FORWARDING_ALL, &on, NULL), 0);
        assert_true(on);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(an_address_is_given_once_and_asked_for_again, world_enter),
                cmocka_unit_test_setup(
                                routes_of_every_table_are_told_with_their_devices, world_enter),
                cmocka_unit_test(a_route_that_libnl_cannot_read_is_read),
                cmocka_unit_test_setup(a_dump_ends_with_what_its_reader_says, world_enter),
                cmocka_unit_test_setup(
                                changes_of_routes_addresses_and_forwarding_are_told, world_enter),
                cmocka_unit_test(what_cannot_be_read_may_be_anything),
                cmocka_unit_test_setup(what_did_not_fit_may_have_been_anything, world_enter),
                cmocka_unit_test_setup(many_changes_are_told_in_portions, world_enter),
                cmocka_unit_test_setup(forwarding_is_switched_for_one_device_only, world_enter),
                cmocka_unit_test_setup(what_the_host_as_a_whole_forwards_is_told, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
