/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a tap comes into the world: the kernel's steps, in the one order in which no frame passes
 * before its filter stands. Knows what to do, not for whom nor whether it is allowed.
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
        bool pin_mac;           /* the bridge is to keep the MAC that it has */
        TapPort port;
        bool add_fdb_entry;  /* the port is the guest MAC's and no other's */
        bool replace_learnt; /* also if the bridge has learnt it on another port */
} TapPlan;

/* The queues come in *queues also when a later step fails: closing them takes the device away,
 * whose ifindex *ret_ifindex then tells (0: there was none yet). *ret is what the kernel said of
 * the link just before it was brought up; {0} after a failure.
 *
 * -EEXIST: the name is taken; -EAGAIN: somebody opened a queue before the device had its owner. In
 * both cases another name helps. Failures: BridgeFull, MacInUse, Stale, InvalidOption (an MTU that
 * would change the bridge's), NotSupported, QueueLimit, KernelError. */
int tap_setup(Netlink *netlink, const TapPlan *plan, FdSet *queues, int *ret_ifindex, LinkInfo *ret,
                Failure *failure);
