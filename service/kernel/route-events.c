/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/route-events.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/netconf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/message-filter.h"
#include "kernel/rtnl-gaps.h"

/* Finds the attribute: afterwards A holds its offset, or 0. */
#define FIND_ATTRIBUTE(type)                                                                       \
        BPF_STMT(BPF_LD | BPF_IMM, ATTRIBUTES_AFTER(struct rtmsg)),                                \
                        BPF_STMT(BPF_LDX | BPF_IMM, type),                                         \
                        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_NLATTR)

#define LINK_LOCAL 0xfe80

static int filter_messages(int fd) {
        static struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_NEWROUTE), 1, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELROUTE), 0, 9),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct rtmsg, rtm_table)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 8, 0),
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

/* The kernel sends nothing to a socket that has no address. */
static int take_address(int fd) {
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK };

        return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int route_events_open(void) {
        static const int groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR,
                RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF };
        _cleanup_close_ int fd =
                        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        int r;

        if (fd < 0)
                return -errno;
        r = filter_messages(fd);
        if (r >= 0)
                r = take_address(fd);
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups) && r >= 0; i++)
                r = join(fd, groups[i]);
        return r < 0 ? r : TAKE_FD(fd);
}

static RouteEvent event_of_route(const struct nlmsghdr *message) {
        RouteEvent event = { .kind = ROUTE_EVENT_LOST };
        int r = route_parse_any(message, &event.route);

        if (r < 0)
                event.kind = r == -ENOMSG ? ROUTE_EVENT_NONE : ROUTE_EVENT_LOST;
        else
                event.kind = message->nlmsg_type == RTM_NEWROUTE ? ROUTE_EVENT_NEW
                                                                 : ROUTE_EVENT_GONE;
        return event;
}

/* A message without the attribute for forwarding is about another setting of the device. */
static RouteEvent event_of_settings(const struct nlmsghdr *message) {
        _cleanup_(nl_object_putp) struct nl_object *object = NULL;
        RouteEvent event = { .kind = ROUTE_EVENT_LOST };
        struct rtnl_netconf *settings;
        int on;

        if (rtnl_parse(message, &object) < 0)
                return event;
        event.kind = ROUTE_EVENT_NONE;
        settings = (struct rtnl_netconf *)object;
        if (rtnl_netconf_get_ifindex(settings, &event.ifindex) >= 0 &&
                        (message->nlmsg_type == RTM_DELNETCONF ||
                                        rtnl_netconf_get_forwarding(settings, &on) >= 0))
                event.kind = ROUTE_EVENT_FORWARDING;
        return event;
}

static RouteEvent event_of(const struct nlmsghdr *message, size_t n) {
        if (n < sizeof(*message) || message->nlmsg_len > n)
                return (RouteEvent){ .kind = ROUTE_EVENT_LOST };
        switch (message->nlmsg_type) {
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                return event_of_route(message);
        case RTM_NEWNETCONF:
        case RTM_DELNETCONF:
                return event_of_settings(message);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                return (RouteEvent){ .kind = ROUTE_EVENT_ADDRESS };
        default:
                return (RouteEvent){ .kind = ROUTE_EVENT_NONE };
        }
}

/* A route with many next hops may be longer: it counts as an unknown one. */
#define MESSAGE_BYTES 2048

/* At most this many at a time; the loop comes back for the rest. */
#define BATCH 256

void route_events_read(int fd, route_event_t each, void *userdata) {
        _Alignas(struct nlmsghdr) char message[MESSAGE_BYTES];

        for (int i = 0; i < BATCH; i++) {
                ssize_t n = recv(fd, message, sizeof(message), MSG_TRUNC);
                RouteEvent event = { .kind = ROUTE_EVENT_LOST };

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != ENOBUFS)
                        return;
                if (n >= 0 && n <= (ssize_t)sizeof(message))
                        event = event_of((const void *)message, (size_t)n);
                if (event.kind != ROUTE_EVENT_NONE)
                        each(&event, userdata);
        }
}
