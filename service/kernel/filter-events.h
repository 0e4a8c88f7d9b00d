/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notifications of changes in nf_tables: a non-blocking socket of its own in the kernel's group
 * NFNLGRP_NFTABLES. Of each message it reports only which table is concerned: whoever wants to know
 * what is there now has to look. Changes made by packets (elements that a rule adds, counters,
 * limits) are not reported.
 *
 * Source: net/netfilter/nf_tables_api.c (nf_tables_commit, nft_commit_notify).
 */

#include "kernel/filter-table.h"

typedef struct FilterEvents FilterEvents;

/* Something in that table was created, changed or deleted, by anybody. */
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
