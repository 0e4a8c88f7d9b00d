/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Removes one element from an nf_tables set, by messages to the kernel alone: libnftables
 * (kernel/filter) reads the whole set first, and cannot be used off the loop.
 *
 * Source: net/netfilter/nf_tables_api.c, linux/netfilter/nf_tables.h.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/failure.h"
#include "kernel/netlink.h"

/* A set in a table of the bridge family. */
typedef struct FilterSet {
        const char *table, *name;
} FilterSet;

/* key: in the kernel's layout; each field of a concatenated key is padded to four bytes. netlink: a
 * socket of NETLINK_NETFILTER. 1: it is gone; 0: there is no such element, set or table.
 * KernelError, -ENOMEM. */
int filter_remove_element(Netlink *netlink, const FilterSet *set, const void *key, size_t size,
                Failure *failure);
