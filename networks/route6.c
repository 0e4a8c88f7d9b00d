/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "route6.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bits.h"
#include "common/cleanup.h"
#include "kernel/message-filter.h"

/* linux/route.h, linux/ipv6_route.h */
#define FLAG_GATEWAY 0x00000002
#define FLAG_REJECT  0x00000200 /* a reject route */
#define FLAG_ANYCAST 0x00100000
#define FLAG_LOCAL   0x80000000

#define DEFAULT_BITS 7 /* shorter prefixes stand for the default route */

#define NETWORK_GROUP 0x766e6963 /* the group of bridges of vnicd's networks */

typedef struct Route6 {
        uint8_t destination[16];
        unsigned prefix, flags;
        char device[IFNAMSIZ];
} Route6;

FILE *route6_open(void) {
        return fopen("/proc/net/ipv6_route", "re");
}

/* Fields: destination, its length, source, its length, next hop, metric, two counters, flags,
 * device. */
static bool parse(const char *line, Route6 *ret) {
        char destination[33];

        if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", destination, &ret->prefix,
                            &ret->flags, ret->device) != 4 ||
                        strlen(destination) != 32 || ret->prefix > 128)
                return false;
        for (size_t i = 0; i < sizeof(ret->destination); i++) {
                unsigned byte;

                if (sscanf(destination + 2 * i, "%2x", &byte) != 1)
                        return false;
                ret->destination[i] = (uint8_t)byte;
        }
        return true;
}

static bool is_within(const Route6 *route, uint8_t first, uint8_t second, unsigned bits) {
        const uint8_t range[] = { first, second };

        return route->prefix >= bits && bits_equal(route->destination, range, bits);
}

/* 0 if there is no such file. */
static unsigned long read_number(const char *device, const char *name) {
        char path[PATH_MAX], text[32] = "";
        _cleanup_close_ int fd = -EBADF;

        snprintf(path, sizeof(path), "/sys/class/net/%s/%s", device, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? strtoul(text, NULL, 0) : 0;
}

static bool is_tunnel(const char *device) {
        return read_number(device, "flags") & (IFF_POINTOPOINT | IFF_NOARP);
}

/* Whether a route leads where guests may go that must not reach the LAN: not to private addresses
 * (those of networks/lan of the service), and not to neighbours, of which a tunnel has none. */
static bool leads_out(const Route6 *route) {
        if (is_within(route, 0xfc, 0, 7) || is_within(route, 0xfe, 0xc0, 10))
                return false;
        return route->prefix < DEFAULT_BITS || route->flags & FLAG_GATEWAY ||
                        is_tunnel(route->device);
}

bool route6_next(FILE *file, bool all, char ret_device[static IFNAMSIZ]) {
        char line[256];
        Route6 route;

        while (fgets(line, sizeof(line), file)) {
                if (!parse(line, &route) || strcmp(route.device, "lo") == 0 ||
                                route.flags & (FLAG_REJECT | FLAG_LOCAL | FLAG_ANYCAST) ||
                                is_within(&route, 0xfe, 0x80, 10) || is_within(&route, 0xff, 0, 8))
                        continue;
                if ((!all && !leads_out(&route)) ||
                                read_number(route.device, "netdev_group") == NETWORK_GROUP)
                        continue;
                memcpy(ret_device, route.device, IFNAMSIZ);
                return true;
        }
        return false;
}

/* A new device reports all of its settings in one message; switching forwarding reports that alone.
 */
static int filter_messages(int fd) {
        static struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_NEWROUTE), 5, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELROUTE), 4, 0),
                BPF_STMT(BPF_LD | BPF_IMM, ATTRIBUTES_AFTER(struct netconfmsg)),
                BPF_STMT(BPF_LDX | BPF_IMM, NETCONFA_PROXY_NEIGH),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_NLATTR),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 10),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct rtmsg, rtm_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTN_UNICAST, 0, 8),
                BPF_STMT(BPF_LD | BPF_IMM, ATTRIBUTES_AFTER(struct rtmsg)),
                BPF_STMT(BPF_LDX | BPF_IMM, RTA_DST),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_NLATTR),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
                BPF_STMT(BPF_MISC | BPF_TAX, 0),
                BPF_STMT(BPF_LD | BPF_H | BPF_IND, NLA_HDRLEN),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xfe80, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };

        return message_filter_attach(fd, code, sizeof(code) / sizeof(*code));
}

int route6_changes_open(void) {
        const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_IPV6_ROUTE | 1U << (RTNLGRP_IPV6_NETCONF - 1),
        };
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        int r;

        if (fd < 0)
                return -errno;
        r = filter_messages(fd);
        if (r < 0)
                return r;
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}
