/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which offloads a tap's consumer has turned on. TUNSETOFFLOAD has no counterpart that reads; but
 * what it set shows in the device's features, which ethtool's netlink family reports.
 *
 * Sources: linux/ethtool_netlink.h, Documentation/networking/ethtool-netlink.rst, drivers/net/tun.c
 * set_offload().
 */

#include <stdint.h>

#include "common/failure.h"
#include "kernel/netlink.h"

typedef struct OffloadReader OffloadReader;

/* -ENOENT: a kernel before 5.6, without the family. -errno of socket(2). */
int offload_reader_open(OffloadReader **ret);
OffloadReader *offload_reader_close(OffloadReader *reader);

/* Turns all of them off, as ethtool -K does. That takes no queue: on a single-queue tap we would
 * hold the only one, and whoever opens it just then would fail. The next TUNSETOFFLOAD may turn
 * them on again. -ENODEV: the link is gone. */
int offload_turn_off(OffloadReader *reader, int ifindex, Failure *failure);

/* The offloads (OFFLOAD_*, kernel/offload.h) that are on now. -ENODEV: the link is gone. */
int offload_read_active(OffloadReader *reader, int ifindex, uint32_t *ret, Failure *failure);
