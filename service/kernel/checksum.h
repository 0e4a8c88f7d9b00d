/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * DHCP replies leave a bridge with whole checksums. What the host itself sends is not given its
 * checksum before a device needs it, and a tap whose reader takes packets without (TUN_F_CSUM)
 * never does: the reader is told to finish it (NEEDS_CSUM). A guest's network stack does; DHCP
 * clients and boot ROMs that read past it drop the packet.
 *
 * So a classifier at the bridge's egress picks DHCP and DHCPv6 replies out, a few packets in a
 * guest's life, and an action finishes them: "csum" of the kernel, or, in kernels without it, the
 * way over a device that takes no packet without a checksum and sends each on to where it was bound
 * for (ifb, CHECKSUM_DEVICE). All other packets and the offloads of bridge and taps stay as they
 * are.
 *
 * What does not do: "udp checksum set 0" of nftables, on which a port without offloads computes a
 * wrong one; the target CHECKSUM of iptables, which works in the table "mangle" only, and that is
 * iptables-nft's.
 *
 * Sources: net/sched/act_csum.c, act_mirred.c, cls_u32.c; drivers/net/ifb.c; net/core/dev.c
 * (validate_xmit_skb).
 */

#include <stdbool.h>

#include "common/failure.h"
#include "kernel/link.h"
#include "kernel/netlink.h"

/* No network can have this name. */
#define CHECKSUM_DEVICE "vnicd_csum"

/* From now on, also where it was so already. What others have at the bridge's egress stays.
 * *ret_device: the ifindex of the device that it takes; 0: the kernel's own action does it, or it
 * failed. NotSupported (-EOPNOTSUPP): the kernel lacks something for it. NameTaken (-EEXIST):
 * another's link has the device's name. KernelError, -ENOMEM. */
int checksum_fill_replies(Netlink *netlink, int bridge, int *ret_device, Failure *failure);

/* Whether both rules stand at the bridge's egress: 1 or 0. -errno of the kernel. */
int checksum_has_rules(Netlink *netlink, int bridge);

/* The device, if it is there, is up, and takes no packet without a checksum. -ENODEV: it is not so,
 * or another's link has its name. */
int checksum_find_device(Netlink *netlink, int *ret);

/* Deletes the device. Sleeps ~15 ms: not for the loop. -ENODEV: there is none. */
int checksum_delete_device(Netlink *netlink);
