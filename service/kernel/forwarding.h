/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the host forwards packets that come in on a device. For IPv4 it is set per device, by
 * netlink, without any file in /proc/sys; for IPv6 it is only read.
 *
 * Sources: linux/netconf.h, net/ipv4/devinet.c (inet_set_link_af), net/ipv6/addrconf.c.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/netlink.h"

/* In place of an ifindex: the host as a whole (net.ipv4.ip_forward). */
#define FORWARDING_ALL (-1)

/* family: AF_INET or AF_INET6. -ENODEV: there is no such device. -EOPNOTSUPP, -EAFNOSUPPORT: the
 * kernel lacks that family. */
int forwarding_get(Netlink *netlink, int family, int ifindex, bool *ret, Failure *failure);

/* Sets IPv4 forwarding of one device. -ENODEV: it is gone. */
int forwarding_set(Netlink *netlink, int ifindex, bool on, Failure *failure);

/* The same, and in the same step the number that the kernel keeps with the device for user space
 * (kernel/device-settings). */
int forwarding_set_marked(Netlink *netlink, int ifindex, bool on, uint32_t mark, Failure *failure);

/* Sets that number alone. */
int forwarding_mark(Netlink *netlink, int ifindex, uint32_t mark, Failure *failure);

/* Calls each() for every device that forwards IPv4. -EINTR: they changed meanwhile; try again.
 * Returns what each() returns. */
typedef int (*forwarding_each_t)(int ifindex, void *userdata);
int forwarding_each_on(Netlink *netlink, forwarding_each_t each, void *userdata, Failure *failure);
