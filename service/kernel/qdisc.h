/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The queueing discipline of a tap. A multiqueue tap has 256 transmit queues from its creation, and
 * when it comes up the kernel creates a queueing discipline for each: 0.6 ms and 190 KiB, for
 * queues that nobody opens. A tap hands each frame to its reader's ring or drops it, so nothing
 * needs queueing; setting a root qdisc beforehand keeps the kernel from creating the others.
 *
 * Sources: net/sched/sch_generic.c (attach_default_qdiscs), drivers/net/tun.c (tun_net_xmit).
 */

#include "common/failure.h"
#include "kernel/netlink.h"

/* Call while the link is down. -EOPNOTSUPP: a kernel without that qdisc. */
int qdisc_set_noqueue(Netlink *netlink, int ifindex, Failure *failure);
