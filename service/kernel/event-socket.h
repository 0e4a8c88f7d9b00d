/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A socket for the kernel's notifications: non-blocking, with a large buffer, since the kernel
 * drops what does not fit and says so once. It does not interpret messages.
 */

#include <linux/netlink.h>
#include <stddef.h>

/* protocol: NETLINK_ROUTE or NETLINK_NETFILTER. The socket is in no group and has no address yet.
 * The caller owns the fd. -errno of socket(2). */
int event_socket_open(int protocol);

/* Reads one batch into room, and calls each for every message. 1: there may be more. 0: that was
 * all. -ENOBUFS: messages were lost. Other -errno of recvmsg(2). */
typedef void (*event_each_t)(const struct nlmsghdr *message, void *userdata);
int event_socket_read(int fd, void *room, size_t size, event_each_t each, void *userdata);
