/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a tap is made: the kernel's steps, in the one order in which no frame passes before its
 * filter is in force. Knows what to do, but not for whom, nor whether it is allowed.
 */

#include "common/failure.h"
#include "common/fdset.h"
#include "kernel/link.h"
#include "kernel/netlink.h"
#include "kernel/tap.h"
#include "taps/tag.h"
#include "taps/tap-port.h"

typedef struct TapPlan {
        TapDevice device;
        Tag tag;
        unsigned queues;
        uint32_t offloads;      /* OFFLOAD_*, set for a consumer that cannot */
        uint32_t mtu;           /* bytes; 0: the kernel's default */
        const LinkInfo *bridge; /* NULL: none */
        bool pin_mac;           /* the bridge is to keep its present MAC */
        TapPort port;
        bool add_fdb_entry;  /* the guest's MAC gets a static FDB entry */
        bool replace_learnt; /* even if the bridge has learnt it on another port */
} TapPlan;

/* The queues are in *queues also if a later step fails: closing them removes the device, whose
 * ifindex *ret_ifindex then is (0: there was none yet). *ret is what the kernel said of the link
 * just before it was brought up; {0} after a failure. -EEXIST: the name is taken; -EAGAIN: somebody
 * opened a queue before the device had its owner. Another name helps in both cases. Failures:
 * BridgeFull, MacInUse, Stale, InvalidOption (an MTU that would change the bridge's), NotSupported,
 * QueueLimit, KernelError. */
int tap_setup(Netlink *netlink, const TapPlan *plan, FdSet *queues, int *ret_ifindex, LinkInfo *ret,
                Failure *failure);
