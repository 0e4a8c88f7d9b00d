/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * IPv4 forwarding of single devices, switched on and back off. A device says itself that it was us:
 * the kernel keeps a number with each for whoever has a use for one (net.ipv4.conf.DEVICE.tag), and
 * both are set in one message. So there is no limit to how many there are, and it is known after a
 * crash, also when our networks are gone. Where somebody else has a number there, the device is
 * listed in the tag of a network instead.
 */

#include "kernel/netlink.h"
#include "networks/device-set.h"
#include "networks/network-tag.h"

#define UPLINK_MARK UINT32_C(0x766e6963) /* "vnic" */

/* Starts as { .listed = { .n = 0 } }. */
typedef struct UplinkSwitch {
        DeviceSet marked;
        NetworkUplinks listed;
} UplinkSwitch;

void uplink_switch_done(UplinkSwitch *devices);

bool uplinks_contain(const NetworkUplinks *set, int ifindex);
void uplinks_add(NetworkUplinks *set, int ifindex);

/* Adds the devices that were marked by whoever ran before us. -ENOMEM, -errno */
int uplink_switch_find(UplinkSwitch *devices, Netlink *netlink);

/* What is to be switched on, so that all that lead out forward: those that do so by themselves are
 * not in it. ours: what is switched on. *ret_undone: one of ours that somebody has switched off; 0:
 * none. -ENOMEM */
int uplink_switch_plan(const UplinkSwitch *ours, Netlink *netlink, const DeviceSet *lead_out,
                UplinkSwitch *ret, int *ret_undone);

/* Switches off what is in ours and not in wanted. of_others: the host forwards as a whole by now,
 * for somebody else; then the devices are only no longer marked. */
int uplink_switch_off(const UplinkSwitch *ours, const UplinkSwitch *wanted, Netlink *netlink,
                bool of_others, Failure *failure);

/* Also what was on already, and is not any more. */
int uplink_switch_on(const UplinkSwitch *wanted, Netlink *netlink, Failure *failure);
