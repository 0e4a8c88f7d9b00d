/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Frames that a packet filter logs ("log group N" of nft(8)): on which link each came in, and its
 * source MAC. The kernel copies nothing of the frame itself. Uses libnetfilter_log; limiting the
 * rate is up to the filter.
 *
 * Source: net/netfilter/nfnetlink_log.c.
 */

#include <stdint.h>

#include "common/mac.h"

typedef struct PacketLog PacketLog;

/* ifindex: of the link itself, even if it is a port of a bridge. */
typedef void (*packet_log_t)(int ifindex, const Mac *source, void *userdata);

/* Each packet is reported at once. -EBUSY: another program has the group. -EOPNOTSUPP: the kernel
 * has no nfnetlink_log. -ENOMEM, -errno of socket(2). */
int packet_log_open(PacketLog **ret, uint16_t group);

/* Takes NULL. Returns NULL. */
PacketLog *packet_log_close(PacketLog *log);

/* Polls readable when there is something to read; it belongs to the log. */
int packet_log_fd(const PacketLog *log);

/* Reads once, and calls told for each frame. 1: there may be more; 0: there is no more. Frames that
 * the kernel had no room for are lost, which does no harm: the guest will send again. -errno of
 * recv(2). */
int packet_log_read(PacketLog *log, packet_log_t told, void *userdata);
