/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Frames that a packet filter tells of ("log group N" of nft(8)): by which link each came, and its
 * source MAC. Of the frame itself the kernel copies nothing. By libnetfilter_log; how often the
 * kernel tells is for the filter to limit.
 *
 * Source: net/netfilter/nfnetlink_log.c.
 */

#include <stdint.h>

#include "common/mac.h"

typedef struct PacketLog PacketLog;

/* ifindex: of the link itself, also where it is a port of a bridge. */
typedef void (*packet_log_t)(int ifindex, const Mac *source, void *userdata);

/* Each packet is told of at once. -EBUSY: another program has the group. -EOPNOTSUPP: the kernel
 * has no nfnetlink_log. -ENOMEM, -errno of socket(2). */
int packet_log_open(PacketLog **ret, uint16_t group);

/* Takes NULL. Returns NULL. */
PacketLog *packet_log_close(PacketLog *log);

/* Polls readable when there is something to read; it belongs to the log. */
int packet_log_fd(const PacketLog *log);

/* Reads once, and calls told for each frame. 1: there may be more; 0: there is no more. What the
 * kernel had no room for is lost, and not missed: a guest that is not heard sends again. -errno of
 * recv(2). */
int packet_log_read(PacketLog *log, packet_log_t told, void *userdata);
