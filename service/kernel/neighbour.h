/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The host's neighbour tables: which MAC uses which IP address, on each link, as far as the host
 * itself has had to do with it. What a table says was claimed by whoever has the address.
 *
 * Sources: linux/neighbour.h, net/core/neighbour.c.
 */

#include "common/ip-address.h"
#include "common/mac.h"
#include "kernel/netlink.h"

typedef enum NeighbourState {
        NEIGHBOUR_GONE,    /* it does not answer, or the entry was removed: the MAC is not valid */
        NEIGHBOUR_CLAIMED, /* it said so once */
        NEIGHBOUR_CONFIRMED, /* it has just answered, or an administrator says so */
        NEIGHBOUR_STATE_MAX,
} NeighbourState;

typedef struct Neighbour {
        int ifindex;
        NeighbourState state;
        IpAddress address;
        Mac mac;
} Neighbour;

typedef void (*neighbour_t)(const Neighbour *neighbour, void *userdata);

/* An fd that polls readable when entries have changed, of links that are chosen later, none at
 * first; a filter in the kernel leaves out those of other links, of bridges (MACs) and of
 * multicast. The caller closes it. -errno of socket(2). */
int neighbour_events_open(void);

#define NEIGHBOUR_LINKS_MAX 32

/* Chooses the links, by ifindex. More than NEIGHBOUR_LINKS_MAX: all of the host. -errno of
 * setsockopt(2). */
int neighbour_events_filter(int fd, const int *links, size_t n);

/* Calls each (NULL: nobody) for pending events of one batch. 1: there may be more. 0: that was all.
 * -ENOBUFS: events were lost. Other -errno of recv(2). */
int neighbour_events_read(int fd, neighbour_t each, void *userdata);

/* Calls each for all entries of the host. May run in a thread. -EINTR: they changed meanwhile; what
 * was told is true. -ENOMEM, -errno. */
int neighbour_dump(Netlink *netlink, neighbour_t each, void *userdata, Failure *failure);
