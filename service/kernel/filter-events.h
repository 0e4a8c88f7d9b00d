/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What changes in nf_tables: a socket of its own in the kernel's group NFNLGRP_NFTABLES, never
 * blocking. Of each message it tells the table that it is about, and no more: who wants to know
 * what is there now looks. Packets change nothing that is told here (what a rule adds to a set,
 * counters, limits).
 *
 * Source: net/netfilter/nf_tables_api.c (nf_tables_commit, nft_commit_notify).
 */

#include "kernel/filter-table.h"

typedef struct FilterEvents FilterEvents;

/* Something of that table was made, changed or deleted, by whomever. */
typedef void (*filter_event_t)(const FilterTable *table, void *userdata);

/* -ENOMEM, -errno of socket(2) and setsockopt(2): -EPROTONOSUPPORT where the kernel has no
 * netfilter, -EPERM. */
int filter_events_open(FilterEvents **ret);

/* Takes NULL. Returns NULL. */
FilterEvents *filter_events_close(FilterEvents *events);

/* Polls readable when there is something to read; it belongs to the events. */
int filter_events_fd(const FilterEvents *events);

/* Reads once. 1: there may be more; 0: there is no more; -ENOBUFS: some were lost, and there may
 * be more. -errno of recvmsg(2). */
int filter_events_read(FilterEvents *events, filter_event_t event, void *userdata);
