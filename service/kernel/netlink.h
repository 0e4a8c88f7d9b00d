/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The request sockets to the kernel (rtnetlink, generic netlink), and the only file that knows
 * libnl's error numbers. A request is sent and its answer waited for (the kernel answers within the
 * call); errno and the kernel's own sentence (extended acknowledgement) both survive, which libnl's
 * return codes lose.
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

/* Sends the message and waits for its end. each (may be NULL) sees the answers. step completes the
 * sentence "Cannot <step>". Returns 0 or the kernel's -errno; -ETIMEDOUT; -EINTR when a dump was
 * overtaken by changes (do it again); -EBUSY from within "each" of another call. */
int netlink_call(Netlink *netlink, struct nl_msg *message, netlink_each_t each, void *userdata,
                const char *step, Failure *failure);

/* Around what begins a dump afresh and takes it, and leaves the result in r, which is -EINTR
 * before: a dump that was overtaken by changes is taken again, a few times. */
#define NETLINK_DUMP_ATTEMPTS 5
#define UNTIL_DUMP_IS_WHOLE(r)                                                                     \
        for (unsigned attempt_ = 0; attempt_ < NETLINK_DUMP_ATTEMPTS && (r) == -EINTR; attempt_++)

/* The socket, for questions of ioctl(2); it stays ours. */
int netlink_fd(const Netlink *netlink);

/* The number of a generic family, for the messages to it. -ENOENT: this kernel has none of that
 * name. */
int netlink_find_family(Netlink *netlink, const char *name);

static inline void nlmsg_freep(struct nl_msg **message) {
        nlmsg_free(*message);
}
