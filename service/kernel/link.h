/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Links over rtnetlink, by ifindex: reading their state, and the steps that change it. A name is
 * resolved to an ifindex once; after that only the ifindex counts, which the kernel does not reuse.
 *
 * Sources: linux/if_link.h, net/core/rtnetlink.c, drivers/net/tun.c, net/bridge/br_netlink.c.
 */

#include "common/failure.h"
#include "kernel/link-info.h"
#include "kernel/netlink.h"

/* What link_configure() sets. */
typedef struct LinkSettings {
        const char *alias;
        Mac mac;
        uint32_t mtu;   /* 0: leave it */
        uint32_t group; /* likewise */
} LinkSettings;

typedef int (*link_each_t)(const LinkInfo *link, void *userdata);

/* -ENODEV: there is none. A name must match exactly: one that only matches an alternative name is
 * -ENODEV as well. */
int link_get(Netlink *netlink, int ifindex, LinkInfo *ret, Failure *failure);
int link_get_by_name(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure);

/* Calls each() for every link of the network namespace. -EINTR: they changed meanwhile; try again.
 */
int link_dump(Netlink *netlink, link_each_t each, void *userdata, Failure *failure);

/* The same for the ports of that master only, which the kernel selects. A master without ports, or
 * one that is gone, is no error. */
int link_dump_ports(
                Netlink *netlink, int master, link_each_t each, void *userdata, Failure *failure);

/* Sets alias, MAC, MTU and group in one step, and keeps the link from giving itself an IPv6 address
 * (addrgenmode none). If the link has no IPv6 at all (a kernel without it, an MTU below 1280), the
 * latter is skipped. */
int link_configure(Netlink *netlink, int ifindex, const LinkSettings *settings, Failure *failure);

int link_set_mtu(Netlink *netlink, int ifindex, uint32_t mtu, Failure *failure);
int link_set_mac(Netlink *netlink, int ifindex, const Mac *mac, Failure *failure);

int link_set_group(Netlink *netlink, int ifindex, uint32_t group, Failure *failure);

int link_set_alias(Netlink *netlink, int ifindex, const char *alias, Failure *failure);

/* Puts the link on a bridge. -EXFULL: no port free. -ENODEV: the bridge or the link is gone. */
int link_set_master(Netlink *netlink, int ifindex, int master, Failure *failure);

int link_set_up(Netlink *netlink, int ifindex, Failure *failure);

/* Sleeps ~15 ms: not for the loop. -ENODEV: gone already. */
int link_delete(Netlink *netlink, int ifindex, Failure *failure);

/* Writes the present name of an ifindex into buffer, which it returns; "" if there is no such link.
 */
const char *link_name(Netlink *netlink, int ifindex, char buffer[static IFNAMSIZ]);

/* The ifindex of that name, or alternative name; cheaper than a netlink message. -ENODEV: there is
 * none. */
int link_find(Netlink *netlink, const char *name, int *ret, Failure *failure);
