/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a table of nf_tables says, as one number: its flags, its chains with hook, priority and
 * policy, its rules, its sets and what stands in them. It is the same for two tables that do the
 * same, whenever they were made; what packets change (counters, elements of dynamic sets) and what
 * the kernel numbers (handles) do not count.
 *
 * Each question names the table, and the kernel leaves out all others: the cost does not grow with
 * what others have.
 *
 * Source: net/netfilter/nf_tables_api.c (nf_tables_dump_rules, nf_tables_dump_sets).
 */

#include <stdint.h>

#include "kernel/filter-table.h"
#include "kernel/netlink.h"

/* Into *ret, never 0; 0 after a failure. netlink: a socket of NETLINK_NETFILTER. -ENOENT: there
 * is no such table. -EINTR: filters, also others, were changed meanwhile, and *ret is what was
 * read nevertheless. -ENOMEM, -errno of the kernel. */
int filter_digest(Netlink *netlink, const FilterTable *table, uint64_t *ret);
