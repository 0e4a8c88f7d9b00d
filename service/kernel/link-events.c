/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/link-events.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

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

int link_events_open(LinkEvents **ret) {
        _cleanup_(link_events_closep) LinkEvents *events = NULL;
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
        const int size = RECEIVE_BUFFER_BYTES;

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

static void pass_on(const struct nlmsghdr *message, link_event_t event, void *userdata) {
        const struct ifinfomsg *header = nlmsg_data(message);
        LinkInfo link;

        if (is_about_port(message))
                event(&(LinkInfo){ .ifindex = header->ifi_index }, LINK_PORT_IS_NEW, userdata);
        else if (link_parse(message, &link) >= 0)
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
