/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Messages to nf_tables, several of them as one transaction: either all take effect or nothing
 * changes.
 *
 * Source: net/netfilter/nfnetlink.c, linux/netfilter/nf_tables.h.
 */

#include <stddef.h>
#include <stdint.h>

#include "kernel/netlink.h"

/* type: NFT_MSG_*; family: NFPROTO_*. NULL: out of memory. */
struct nl_msg *filter_message_new(int type, int flags, uint8_t family);

/* Far more than a table with a few rules needs. */
#define FILTER_BATCH_BYTES 4096

/* Starts as { .size = 0 }. The last message that changes something has to ask for an
 * acknowledgement. */
typedef struct FilterBatch {
        uint8_t bytes[FILTER_BATCH_BYTES];
        size_t size;
        uint32_t sequence;
} FilterBatch;

/* The caller keeps the message. -ENOMEM: there is no room for it. */
int filter_batch_append(FilterBatch *batch, struct nl_msg *message);

/* netlink: a socket of NETLINK_NETFILTER. 0: the transaction was committed. The kernel's -errno:
 * nothing has changed. */
int filter_batch_commit(FilterBatch *batch, Netlink *netlink);
