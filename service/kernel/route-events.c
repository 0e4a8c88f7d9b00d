/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/route-events.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "kernel/message-filter.h"
#include "util/cleanup.h"

/* Looks for the attribute; A is then where it begins, or 0. */
#define FIND_ATTRIBUTE(type)                                                                       \
        BPF_STMT(BPF_LD | BPF_IMM, ATTRIBUTES_AFTER(struct rtmsg)),                                \
                        BPF_STMT(BPF_LDX | BPF_IMM, type),                                         \
                        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_NLATTR)

#define LINK_LOCAL 0xfe80

static int filter_messages(int fd) {
        static struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_NEWROUTE), 1, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELROUTE), 0, 19),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct rtmsg, rtm_dst_len)),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 8, 0, 17),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct rtmsg, rtm_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTN_UNICAST, 0, 16),
                FIND_ATTRIBUTE(RTA_GATEWAY),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 12),
                FIND_ATTRIBUTE(RTA_MULTIPATH),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 8),
                FIND_ATTRIBUTE(RTA_DST),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
                BPF_STMT(BPF_MISC | BPF_TAX, 0),
                BPF_STMT(BPF_LD | BPF_H | BPF_IND, NLA_HDRLEN),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LINK_LOCAL, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };

        return message_filter_attach(fd, code, sizeof(code) / sizeof(*code));
}

static int join(int fd, int group) {
        return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0
                        ? -errno
                        : 0;
}

/* A socket without an address of its own is passed over by the kernel's messages. */
static int take_address(int fd) {
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK };

        return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int route_events_open(void) {
        _cleanup_close_ int fd =
                        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        int r;

        if (fd < 0)
                return -errno;
        r = filter_messages(fd);
        if (r >= 0)
                r = take_address(fd);
        if (r >= 0)
                r = join(fd, RTNLGRP_IPV4_ROUTE);
        if (r >= 0)
                r = join(fd, RTNLGRP_IPV6_ROUTE);
        if (r >= 0)
                r = join(fd, RTNLGRP_IPV4_NETCONF);
        return r < 0 ? r : TAKE_FD(fd);
}

void route_events_drain(int fd) {
        char first[64];
        ssize_t n;

        /* The rest of each message is cut off. Lost ones are told once, by ENOBUFS. */
        do
                n = recv(fd, first, sizeof(first), 0);
        while (n >= 0 || errno == ENOBUFS || errno == EINTR);
}
