/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The limit: the kernel's own calls for a tap on a bridge, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define GROUP_TO_DELETE 4242

const char *const step_names[STEP_MAX] = { "open", "tunsetiff", "queues", "header", "qdisc",
        "link" };

Flavour flavour_from_name(const char *name) {
        static const char *const names[FLAVOUR_MAX] = { "plain", "noqueue", "pfifo", "same" };
        unsigned i = 0;

        while (i < FLAVOUR_MAX && strcmp(names[i], name) != 0)
                i++;
        return (Flavour)i;
}

struct nl_sock *netlink_open(void) {
        struct nl_sock *netlink = nl_socket_alloc();

        if (!netlink || nl_connect(netlink, NETLINK_ROUTE) < 0)
                die("No netlink socket can be opened.");
        return netlink;
}

static void transact(struct nl_sock *netlink, struct nl_msg *message, const char *what) {
        int r = nl_send_sync(netlink, message);

        if (r < 0)
                die("The kernel refuses to %s: %s", what, nl_geterror(r));
}

static struct nl_msg *link_message(int type, int flags, int ifindex, unsigned iff) {
        const struct ifinfomsg header = {
                .ifi_index = ifindex, .ifi_flags = iff, .ifi_change = iff
        };
        struct nl_msg *message = nlmsg_alloc_simple(type, flags);

        if (!message)
                die("Out of memory.");
        nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
        return message;
}

/* What the service tells the kernel besides. */
static void put_same(struct nl_msg *message, const char *name) {
        char alias[128];
        struct nlattr *families, *inet6;

        snprintf(alias, sizeof(alias),
                        "vnicbench:1 uid=0 life=fd nonce=%s hdr=10 mac=52:54:00:be:00:01 at=0",
                        name);
        nla_put(message, IFLA_IFALIAS, (int)strlen(alias) + 1, alias);
        families = nla_nest_start(message, IFLA_AF_SPEC);
        inet6 = nla_nest_start(message, AF_INET6);
        nla_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        nla_nest_end(message, inet6);
        nla_nest_end(message, families);
}

/* The flags of a port can be set only on a port: a message of their own. */
static void set_port(struct nl_sock *netlink, int ifindex) {
        const struct ifinfomsg header = { .ifi_family = AF_BRIDGE, .ifi_index = ifindex };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_SETLINK, 0);
        struct nlattr *port;

        nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
        port = nla_nest_start(message, IFLA_PROTINFO | NLA_F_NESTED);
        nla_put_u8(message, IFLA_BRPORT_LEARNING, 1);
        nla_put_u8(message, IFLA_BRPORT_ISOLATED, 0);
        nla_nest_end(message, port);
        transact(netlink, message, "set the flags of a port");
}

static void configure_link(struct nl_sock *netlink, const BareTap *tap, const BareOrder *order) {
        static const uint8_t mac[6] = { 0xfe, 0x54, 0x00, 0xbe, 0x00, 0x01 };
        struct nl_msg *message = link_message(RTM_NEWLINK, 0, 0, IFF_UP);

        nla_put_string(message, IFLA_IFNAME, tap->name);
        nla_put(message, IFLA_ADDRESS, sizeof(mac), mac);
        nla_put_u32(message, IFLA_MTU, 1500);
        if (order->bridge)
                nla_put_u32(message, IFLA_MASTER, if_nametoindex(order->bridge));
        if (order->flavour == FLAVOUR_SAME)
                put_same(message, tap->name);
        transact(netlink, message, "configure a tap");
        if (order->flavour == FLAVOUR_SAME && order->bridge)
                set_port(netlink, (int)if_nametoindex(tap->name));
}

static void set_root_qdisc(struct nl_sock *netlink, const char *name, const char *kind) {
        const struct tcmsg header = { .tcm_ifindex = (int)if_nametoindex(name),
                .tcm_parent = TC_H_ROOT };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);

        nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
        nla_put_string(message, TCA_KIND, kind);
        transact(netlink, message, "set a root qdisc");
}

static int open_node(void) {
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
                die_errno("/dev/net/tun");
        return fd;
}

static void attach(int fd, const BareTap *tap, const BareOrder *order, int extra) {
        struct ifreq request = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | extra |
                                                 (order->no_header ? 0 : IFF_VNET_HDR) |
                                                 (order->multiqueue ? IFF_MULTI_QUEUE : 0)) };

        snprintf(request.ifr_name, IFNAMSIZ, "%s", tap->name);
        if (ioctl(fd, TUNSETIFF, &request) < 0)
                die_errno("TUNSETIFF");
}

static void mark(BareTap *tap, int step, double *begin) {
        double now = now_us();

        tap->steps[step] = now - *begin;
        *begin = now;
}

void bare_create(struct nl_sock *netlink, const BareOrder *order, BareTap *ret) {
        static unsigned number;
        BareTap tap = { .queues = order->queues };
        int size = 10;
        double begin, first;

        snprintf(tap.name, sizeof(tap.name), "bare%x", number++);
        begin = first = now_us();
        tap.fds[0] = open_node();
        mark(&tap, STEP_OPEN, &begin);
        attach(tap.fds[0], &tap, order, IFF_TUN_EXCL);
        mark(&tap, STEP_TUNSETIFF, &begin);
        for (unsigned i = 1; i < tap.queues; i++) {
                tap.fds[i] = open_node();
                attach(tap.fds[i], &tap, order, 0);
        }
        mark(&tap, STEP_QUEUES, &begin);
        if (ioctl(tap.fds[0], TUNSETOWNER, 0) < 0 ||
                        ioctl(tap.fds[0], TUNSETVNETHDRSZ, &size) < 0 ||
                        ioctl(tap.fds[0], TUNSETOFFLOAD, 0) < 0)
                die_errno("the header and the offloads of a tap");
        mark(&tap, STEP_HEADER, &begin);
        if (order->flavour == FLAVOUR_NOQUEUE || order->flavour == FLAVOUR_PFIFO)
                set_root_qdisc(netlink, tap.name,
                                order->flavour == FLAVOUR_PFIFO ? "pfifo" : "noqueue");
        mark(&tap, STEP_QDISC, &begin);
        configure_link(netlink, &tap, order);
        mark(&tap, STEP_LINK, &begin);
        tap.total = begin - first;
        *ret = tap;
}

double bare_close(BareTap *tap) {
        double begin = now_us();

        for (unsigned i = 0; i < tap->queues; i++)
                close(tap->fds[i]);
        return now_us() - begin;
}

void delete_links(struct nl_sock *netlink, const unsigned *ifindexes, size_t n) {
        struct nl_msg *message;

        for (size_t i = 0; i < n; i++) {
                message = link_message(RTM_NEWLINK, 0, (int)ifindexes[i], 0);
                nla_put_u32(message, IFLA_GROUP, GROUP_TO_DELETE);
                /* One that is gone already is no mistake. */
                (void)nl_send_sync(netlink, message);
        }
        message = link_message(RTM_DELLINK, 0, 0, 0);
        nla_put_u32(message, IFLA_GROUP, GROUP_TO_DELETE);
        (void)nl_send_sync(netlink, message);
}
