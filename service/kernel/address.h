/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Addresses of the host on a link. Adding one that is there already is no error: the caller asks
 * for a state.
 *
 * Sources: linux/if_addr.h, net/ipv4/devinet.c, net/ipv6/addrconf.c.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/netlink.h"

/* Whether the link has an address by which the host is known beyond it: one of a wider scope than
 * the link. Looks through all addresses of the host. -EINTR: they changed meanwhile; try again. */
int address_find_wide(Netlink *netlink, int ifindex, bool *ret, Failure *failure);

int address_add_v4(Netlink *netlink, int ifindex, struct in_addr address, unsigned prefix,
                Failure *failure);

/* Without a check for duplicates: it can be used at once. -EAFNOSUPPORT, -EOPNOTSUPP, -EACCES: no
 * IPv6 here, or none on this link. */
int address_add_v6(Netlink *netlink, int ifindex, const struct in6_addr *address, unsigned prefix,
                Failure *failure);

/* An address of the host, and the subnet that it gives the host on the link. The two differ on a
 * tunnel, whose subnet is the peer's. */
typedef struct AddressInfo {
        int family; /* AF_INET or AF_INET6 */
        int ifindex;
        uint8_t prefix;
        bool wide; /* of a wider scope than the link, see address_find_wide() */
        union {
                struct in_addr v4;
                struct in6_addr v6;
        } local, subnet; /* the bits after the prefix may be set in both */
} AddressInfo;

/* Starts as { NULL }. */
typedef struct AddressList {
        AddressInfo *addresses;
        size_t n, size;
} AddressList;

void address_list_done(AddressList *list);

/* Replaces the list with all addresses of the host, of both families. -ENOMEM, -errno */
int address_list_read(AddressList *list, Netlink *netlink, Failure *failure);
