/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An nf_tables table that drops one sort of packet, created by messages to the kernel alone. It is
 * for filters that have to be in place before anything else happens: libnftables (kernel/filter)
 * takes 40 ms and 1.6 MB to load, and a host without networks need not have it.
 *
 * Source: net/netfilter/nf_tables_api.c, linux/netfilter/nf_tables.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/failure.h"
#include "kernel/netlink.h"

typedef enum FilterField {
        FILTER_IN_GROUP, /* the group of the link a packet came in by: 4 bytes, in the host's order
                          */
        FILTER_DESTINATION_MAC, /* 6 bytes */
        FILTER_FIELD_MAX,
} FilterField;

#define FILTER_VALUE_SIZE 6

/* Matches if (field & mask) == value; with differs, if it is not. */
typedef struct FilterMatch {
        FilterField field;
        bool differs;
        uint8_t mask[FILTER_VALUE_SIZE], value[FILTER_VALUE_SIZE];
} FilterMatch;

/* Where packets are filtered; each hook belongs to one family. */
typedef enum FilterHook {
        FILTER_BRIDGE_PREROUTING,
        FILTER_INET_PREROUTING,
        FILTER_ARP_INPUT,
        FILTER_HOOK_MAX,
} FilterHook;

/* A packet for which all matches hold is dropped. */
typedef struct FilterDropRule {
        const FilterMatch *matches;
        size_t n_matches;
} FilterDropRule;

/* One table with one base chain (type filter, policy accept) with these rules. */
typedef struct FilterDrop {
        const char *table; /* of the hook's family */
        FilterHook hook;
        int32_t priority;
        const FilterDropRule *rules;
        size_t n_rules;
} FilterDrop;

/* Matches the group of the link. */
FilterMatch filter_match_group(uint32_t mask, uint32_t group, bool differs);

/* Creates the table in one transaction, replacing any table of that name, whatever it holds.
 * netlink: a socket of NETLINK_NETFILTER. Closing that takes some 10 ms if a table was replaced.
 * NotSupported (-EOPNOTSUPP): the kernel has no nf_tables, or not for this family. KernelError with
 * the kernel's errno; -ENOMEM. */
int filter_drop_install(Netlink *netlink, const FilterDrop *drop, Failure *failure);
