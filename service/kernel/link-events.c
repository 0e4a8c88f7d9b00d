/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/link-events.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <sys/socket.h>

#include "kernel/message-filter.h"
#include "util/cleanup.h"

/* 400 taps made and closed overran the default buffer. */
#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)

/* One link with many virtual functions can fill more than a page. */
#define BATCH_BYTES (64 * 1024)

struct LinkEvents {
        int fd;
        _Alignas(struct nlmsghdr) char batch[BATCH_BYTES];
};

DEFINE_CLEANUP(LinkEvents, link_events_close)

/* All messages about links; of those about neighbours, that a bridge has lost an entry which somebody
 * had set. The kernel sends each of the latter alone. */
static int filter_messages(int fd) {
        static struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_NEWNEIGH), 6, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELNEIGH), 0, 4),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_family)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_BRIDGE, 0, 3),
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_state)),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CONST_HTONS(NUD_NOARP | NUD_PERMANENT), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };

        return message_filter_attach(fd, code, sizeof(code) / sizeof(*code));
}

int link_events_open(LinkEvents **ret) {
        _cleanup_(link_events_closep) LinkEvents *events = NULL;
        const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_NEIGH,
        };
        const int size = RECEIVE_BUFFER_BYTES;
        int r;

        events = calloc(1, sizeof(LinkEvents));
        if (!events)
                return -ENOMEM;
        events->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (events->fd < 0)
                return -errno;
        /* Past the administrator's maximum only with CAP_NET_ADMIN; without it, as much as is
         * allowed. */
        if (setsockopt(events->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(events->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        r = filter_messages(events->fd);
        if (r < 0)
                return r;
        if (bind(events->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        *ret = TAKE_PTR(events);
        return 0;
}

LinkEvents *link_events_close(LinkEvents *events) {
        if (events) {
                close_fd(events->fd);
                free(events);
        }
        return NULL;
}

int link_events_fd(const LinkEvents *events) {
        return events->fd;
}

/* A bridge speaks of its ports in messages of its own, and of what is set through it only there.
 * That a port leaves is told as a deletion; the link itself then tells that it has another master.
 */
static bool is_about_port(const struct nlmsghdr *message) {
        const struct ifinfomsg *header = nlmsg_data(message);

        return message->nlmsg_type == RTM_NEWLINK &&
                        nlmsg_datalen(message) >= (int)sizeof(*header) &&
                        header->ifi_family == AF_BRIDGE;
}

/* A range is told by its ends. */
static void take_vlan(PortVlans *vlans, const struct bridge_vlan_info *info) {
        if (info->flags & BRIDGE_VLAN_INFO_RANGE_END && vlans->n > 0)
                vlans->ranges[vlans->n - 1].last = info->vid;
        else if (vlans->n < PORT_VLANS_MAX) {
                vlans->ranges[vlans->n].first = vlans->ranges[vlans->n].last = info->vid;
                vlans->n++;
        }
}

/* Of a bridge that filters VLANs, and a kernel that can. */
static void parse_vlans(const struct nlmsghdr *message, PortVlans *ret) {
        struct nlattr *all = nlmsg_find_attr((struct nlmsghdr *)message, sizeof(struct ifinfomsg),
                                      IFLA_AF_SPEC),
                      *one;
        int left;

        *ret = (PortVlans){ .n = 0 };
        if (!all)
                return;
        nla_for_each_nested(one, all, left) {
                struct bridge_vlan_info info;

                if (nla_type(one) != IFLA_BRIDGE_VLAN_INFO || nla_len(one) < (int)sizeof(info))
                        continue;
                nla_memcpy(&info, one, sizeof(info));
                take_vlan(ret, &info);
        }
}

static int parse_lost_entry(const struct nlmsghdr *message, LinkInfo *ret) {
        const struct ndmsg *header = nlmsg_data(message);
        struct nlattr *address;

        if (nlmsg_datalen(message) < (int)sizeof(*header))
                return -EPROTO;
        address = nlmsg_find_attr((struct nlmsghdr *)message, sizeof(*header), NDA_LLADDR);
        if (!address || nla_len(address) != sizeof(ret->mac))
                return -EPROTO;
        *ret = (LinkInfo){ .ifindex = header->ndm_ifindex };
        nla_memcpy(&ret->mac, address, sizeof(ret->mac));
        return 0;
}

static void pass_on(const struct nlmsghdr *message, link_event_t event, void *userdata) {
        const struct ifinfomsg *header = nlmsg_data(message);
        LinkInfo link;

        if (message->nlmsg_type == RTM_DELNEIGH) {
                if (parse_lost_entry(message, &link) >= 0)
                        event(&link, LINK_FDB_GONE, userdata);
        } else if (is_about_port(message)) {
                PortVlans vlans;

                parse_vlans(message, &vlans);
                event(&(LinkInfo){ .ifindex = header->ifi_index, .vlans = &vlans },
                                LINK_PORT_IS_NEW, userdata);
        } else if (link_parse(message, &link) >= 0)
                event(&link, message->nlmsg_type == RTM_DELLINK ? LINK_GONE : LINK_IS, userdata);
}

int link_events_read(LinkEvents *events, link_event_t event, void *userdata) {
        struct sockaddr_nl peer = { 0 };
        struct iovec part = { .iov_base = events->batch, .iov_len = sizeof(events->batch) };
        struct msghdr header = {
                .msg_name = &peer,
                .msg_namelen = sizeof(peer),
                .msg_iov = &part,
                .msg_iovlen = 1,
        };
        ssize_t n = recvmsg(events->fd, &header, 0);
        int left = (int)n;

        if (n < 0)
                return errno == EAGAIN ? 0 : errno == EINTR ? 1 : -errno;
        if (header.msg_flags & MSG_TRUNC)
                return -ENOBUFS;
        if (peer.nl_pid != 0) /* not from the kernel */
                return 1;
        for (struct nlmsghdr *message = (void *)events->batch; nlmsg_ok(message, left);
                        message = nlmsg_next(message, &left))
                pass_on(message, event, userdata);
        return 1;
}
