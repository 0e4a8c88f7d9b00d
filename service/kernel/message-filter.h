/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Attaches a BPF program that decides, in the kernel, which messages a socket receives and wakes us
 * for. It knows no message types.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* htons() and htonl() for constant tables: the filter loads values in network byte order, though
 * the kernel wrote them in its own. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CONST_HTONS(n) ((uint32_t)(((n)&0xff) << 8 | ((n) >> 8 & 0xff)))
#define CONST_HTONL(n) ((uint32_t)__builtin_bswap32(n))
#else
#define CONST_HTONS(n) ((uint32_t)(n))
#define CONST_HTONL(n) ((uint32_t)(n))
#endif

/* Offset of a member of the structure that follows a message's header. */
#define MESSAGE_AT(type, member) (uint32_t)(NLMSG_HDRLEN + offsetof(type, member))

/* Offset of the attributes after a header of that type. */
#define ATTRIBUTES_AFTER(type) (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(type)))

/* code: n instructions, which return how much of the message is kept. -errno of setsockopt(2). */
static inline int message_filter_attach(int fd, struct sock_filter *code, unsigned short n) {
        const struct sock_fprog program = { .len = n, .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}
