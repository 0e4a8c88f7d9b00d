/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Switches IPv4 forwarding of single devices on and off again. The device itself remembers that it
 * was us: the kernel keeps a free-to-use number for each (net.ipv4.conf.DEVICE.tag), and both are
 * set in one message. So any number of devices can be marked, and the mark is found after a crash,
 * even if our networks are gone. If somebody else uses the number of a device, the device is listed
 * in the tag of a network instead.
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

/* Adds the devices that were marked by an earlier run. -ENOMEM, -errno */
int uplink_switch_find(UplinkSwitch *devices, Netlink *netlink);

/* Gives what has to be switched on so that all devices that lead out forward; those that do so
 * anyway are left out. ours: what we have switched on. *ret_undone: one of ours that somebody has
 * switched off; 0: none. -ENOMEM */
int uplink_switch_plan(const UplinkSwitch *ours, Netlink *netlink, const DeviceSet *lead_out,
                UplinkSwitch *ret, int *ret_undone);

/* Switches off what is in ours and not in wanted. of_others: the host as a whole forwards by now,
 * because of somebody else; then only the marks are removed. */
int uplink_switch_off(const UplinkSwitch *ours, const UplinkSwitch *wanted, Netlink *netlink,
                bool of_others, Failure *failure);

/* Switches on what is wanted, also what was on before and is off now. */
int uplink_switch_on(const UplinkSwitch *wanted, Netlink *netlink, Failure *failure);
