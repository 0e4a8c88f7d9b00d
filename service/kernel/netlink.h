/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The request sockets to the kernel (rtnetlink, generic netlink), and the only file that knows
 * libnl's error numbers. It sends a request and waits for the answer (the kernel answers within the
 * call). It preserves both the errno and the kernel's own message (extended acknowledgement), which
 * libnl's return codes lose.
 */

#include <linux/netlink.h>
#include <netlink/msg.h>

#include "common/failure.h"

typedef struct Netlink Netlink;

/* Called for each answer; a negative return value ends the call with it. */
typedef int (*netlink_each_t)(const struct nlmsghdr *message, void *userdata);

/* protocol: NETLINK_ROUTE or NETLINK_GENERIC. -errno of socket(2). */
int netlink_open(Netlink **ret, int protocol);
Netlink *netlink_close(Netlink *netlink);

/* Sends the message and waits until it is answered. each (may be NULL) gets the answers. step
 * completes the sentence "Cannot <step>". Returns 0 or the kernel's -errno; -ETIMEDOUT; -EINTR when
 * a dump was overtaken by changes (try again); -EBUSY from within each() of another call. */
int netlink_call(Netlink *netlink, struct nl_msg *message, netlink_each_t each, void *userdata,
                const char *step, Failure *failure);

/* Put this before a statement that takes a whole dump and leaves the result in r; the statement is
 * repeated, a few times, while changes overtake the dump (-EINTR). */
#define NETLINK_DUMP_ATTEMPTS 5
#define UNTIL_DUMP_IS_WHOLE(r)                                                                     \
        for (unsigned attempt_ = 0; attempt_ < NETLINK_DUMP_ATTEMPTS && (r) == -EINTR; attempt_++)

/* The socket, for requests by ioctl(2); it stays ours. */
int netlink_fd(const Netlink *netlink);

/* The number of a generic netlink family. -ENOENT: this kernel has no family of that name. */
int netlink_find_family(Netlink *netlink, const char *name);

static inline void nlmsg_freep(struct nl_msg **message) {
        nlmsg_free(*message);
}
