/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/event-socket.h"

#include <errno.h>
#include <netlink/msg.h>
#include <sys/socket.h>

/* Creating and closing 400 taps overran the default buffer. */
#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)

int event_socket_open(int protocol) {
        const int size = RECEIVE_BUFFER_BYTES;
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

        if (fd < 0)
                return -errno;
        /* Exceeding the administrator's maximum takes CAP_NET_ADMIN; without it, take what is
         * allowed. */
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        return fd;
}

int event_socket_read(int fd, void *room, size_t size, event_each_t each, void *userdata) {
        struct sockaddr_nl peer = { 0 };
        struct iovec part = { .iov_base = room, .iov_len = size };
        struct msghdr header = {
                .msg_name = &peer,
                .msg_namelen = sizeof(peer),
                .msg_iov = &part,
                .msg_iovlen = 1,
        };
        ssize_t n = recvmsg(fd, &header, 0);
        int left = (int)n;

        if (n < 0)
                return errno == EAGAIN ? 0 : errno == EINTR ? 1 : -errno;
        if (header.msg_flags & MSG_TRUNC)
                return -ENOBUFS;
        if (peer.nl_pid != 0) /* not from the kernel */
                return 1;
        for (struct nlmsghdr *message = room; nlmsg_ok(message, left);
                        message = nlmsg_next(message, &left))
                each(message, userdata);
        return 1;
}
