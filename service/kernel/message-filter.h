/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which of the kernel's messages a socket wakes us for: a program that the kernel itself runs on
 * each. It knows no message.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* htons() and htonl() for constant tables: the filter loads what the kernel wrote in its own byte
 * order as if it came from the network. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CONST_HTONS(n) ((uint32_t)(((n)&0xff) << 8 | ((n) >> 8 & 0xff)))
#define CONST_HTONL(n) ((uint32_t)__builtin_bswap32(n))
#else
#define CONST_HTONS(n) ((uint32_t)(n))
#define CONST_HTONL(n) ((uint32_t)(n))
#endif

/* Where a member of what follows a message's header is. */
#define MESSAGE_AT(type, member) (uint32_t)(NLMSG_HDRLEN + offsetof(type, member))

/* Where the attributes after a header of that type begin. */
#define ATTRIBUTES_AFTER(type) (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(type)))

/* code: n instructions, which end with how much of the message is kept. -errno of setsockopt(2). */
static inline int message_filter_attach(int fd, struct sock_filter *code, unsigned short n) {
        const struct sock_fprog program = { .len = n, .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}
