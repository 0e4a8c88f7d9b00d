/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the host passes on packets that come in on a device. For IPv4 that is set per device, and
 * by netlink, which needs no file of /proc/sys; for IPv6 it is only looked at.
 *
 * Sources: linux/netconf.h, net/ipv4/devinet.c (inet_set_link_af), net/ipv6/addrconf.c.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/netlink.h"

/* In place of an ifindex: the host as a whole, which is what net.ipv4.ip_forward says. */
#define FORWARDING_ALL (-1)

/* family: AF_INET or AF_INET6. -ENODEV: there is no such device. -EOPNOTSUPP, -EAFNOSUPPORT: no
 * such family here. */
int forwarding_get(Netlink *netlink, int family, int ifindex, bool *ret, Failure *failure);

/* IPv4, of one device. -ENODEV: it is gone. */
int forwarding_set(Netlink *netlink, int ifindex, bool on, Failure *failure);

/* The same, and in the same step the number that the kernel keeps with the device for whoever has a
 * use for one (kernel/device-settings). */
int forwarding_set_marked(Netlink *netlink, int ifindex, bool on, uint32_t mark, Failure *failure);

/* That number alone. */
int forwarding_mark(Netlink *netlink, int ifindex, uint32_t mark, Failure *failure);

/* Each device that forwards IPv4. -EINTR: they changed meanwhile; do it again. What each() returns.
 */
typedef int (*forwarding_each_t)(int ifindex, void *userdata);
int forwarding_each_on(Netlink *netlink, forwarding_each_t each, void *userdata, Failure *failure);
