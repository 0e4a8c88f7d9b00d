/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Packet filters, by libnftables: text in, one transaction, so that either all of it holds or
 * nothing has changed. Knows no rule; who makes the text makes it of checked values only.
 */

#include "common/failure.h"

/* -EEXIST: "create" of what there is. NotSupported (-EOPNOTSUPP): there is no libnftables, or the
 * kernel has not what the rules need. KernelError (-EIO) with the first line of what libnftables
 * says. -ENOMEM, -errno of socket(2). */
int filter_apply(const char *rules, Failure *failure);

/* Rules that begin with "create table", where there should be no such table; if there is one, what
 * removal takes away goes in the same transaction. With nothing to take away it is three times as
 * fast: the kernel lets nobody close a socket of netfilter, which libnftables does after each run,
 * before what was deleted is gone, and that takes some 10 ms. As filter_apply(). */
int filter_create(const char *rules, const char *removal, Failure *failure);

/* The same where there should be one. */
int filter_replace(const char *rules, const char *removal, Failure *failure);

typedef int (*filter_each_t)(const char *name, void *userdata);

/* Every table of the network namespace, of each family. Needs no libnftables. -EOPNOTSUPP: the
 * kernel has no nf_tables. -ENOMEM, -errno of the kernel, what each() returns. */
int filter_each_table(filter_each_t each, void *userdata, Failure *failure);
