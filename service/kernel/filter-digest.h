/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The content of an nf_tables table as one number: its flags, its chains with hook, priority and
 * policy, its rules, its sets and their elements. Two tables with the same content have the same
 * digest, whenever they were created; whatever packets change (counters, elements of dynamic sets)
 * and what the kernel numbers (handles) do not count.
 *
 * Each request names the table, and the kernel leaves out all others: the cost does not grow with
 * the rules of others.
 *
 * Source: net/netfilter/nf_tables_api.c (nf_tables_dump_rules, nf_tables_dump_sets).
 */

#include <stdint.h>

#include "kernel/filter-table.h"
#include "kernel/netlink.h"

/* Into *ret, never 0; 0 after a failure. netlink: a socket of NETLINK_NETFILTER. -ENOENT: there is
 * no such table. -EINTR: some filters, perhaps of others, changed meanwhile; *ret is what was read
 * all the same. -ENOMEM, -errno of the kernel. */
int filter_digest(Netlink *netlink, const FilterTable *table, uint64_t *ret);
