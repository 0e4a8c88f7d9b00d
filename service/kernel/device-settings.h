/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * IP settings that the kernel keeps for each device (net.ipv4.conf.DEVICE, net.ipv6.conf.DEVICE),
 * as far as a message about the link includes them: no file in /proc/sys is read.
 *
 * Sources: linux/if_link.h, net/ipv4/devinet.c (inet_fill_link_af), net/ipv6/addrconf.c.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/netlink.h"

typedef struct DeviceSettings {
        uint32_t mark; /* net.ipv4.conf.DEVICE.tag, a number that the kernel itself does not use */
        bool ipv6;     /* the device can have IPv6 addresses */
} DeviceSettings;

/* -ENODEV: there is no such device. */
int device_settings_get(Netlink *netlink, int ifindex, DeviceSettings *ret, Failure *failure);
