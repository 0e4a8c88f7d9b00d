/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Gives DHCP replies complete checksums before they leave a bridge. The host fills in the checksum
 * of a packet of its own only when a device needs it, and a tap whose reader accepts packets
 * without one (TUN_F_CSUM) never does: the reader is told to finish it (NEEDS_CSUM). A guest's
 * network stack does so; DHCP clients and boot ROMs that bypass the stack drop the packet.
 *
 * So a classifier at the bridge's egress picks out DHCP and DHCPv6 replies, a few packets in a
 * guest's life, and an action finishes them: the kernel's "csum", or, in kernels without it, a
 * detour over a device that accepts no packet without a checksum and sends each on to its
 * destination (ifb, CHECKSUM_DEVICE). All other packets, and the offloads of bridge and taps, are
 * left alone.
 *
 * Two alternatives do not work: "udp checksum set 0" of nftables, after which a port without
 * offloads computes a wrong one; and the CHECKSUM target of iptables, which is confined to the
 * table "mangle", and that belongs to iptables-nft.
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

/* Idempotent. Rules of others at the bridge's egress stay. *ret_device: the ifindex of the device
 * that is used; 0: the kernel's own action does it, or the call failed. NotSupported (-EOPNOTSUPP):
 * the kernel lacks something for it. NameTaken (-EEXIST): another's link has the device's name.
 * KernelError, -ENOMEM. */
int checksum_fill_replies(Netlink *netlink, int bridge, int *ret_device, Failure *failure);

/* Whether both rules stand at the bridge's egress: 1 or 0. -errno of the kernel. */
int checksum_has_rules(Netlink *netlink, int bridge);

/* Finds the device if it exists, is up, and accepts no packet without a checksum. -ENODEV: there is
 * no such device, or another's link has its name. */
int checksum_find_device(Netlink *netlink, int *ret);

/* Deletes the device. Sleeps ~15 ms: not for the loop. -ENODEV: there is none. */
int checksum_delete_device(Netlink *netlink);
