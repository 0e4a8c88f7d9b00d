/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Packet filters, through libnftables: text in, one transaction, so that either all of it takes
 * effect or nothing changes. It knows no rules; the caller builds the text from checked values
 * only.
 */

#include "common/failure.h"

/* -EEXIST: "create" of something that exists. NotSupported (-EOPNOTSUPP): there is no libnftables,
 * or the kernel lacks what the rules need. KernelError (-EIO) with the first line of what
 * libnftables says. -ENOMEM, -errno of socket(2). */
int filter_apply(const char *rules, Failure *failure);

/* Applies rules that begin with "create table", where there should be no such table; if there is
 * one, the commands in removal delete it in the same transaction. With nothing to delete it is
 * three times as fast: libnftables closes its netfilter socket after each run, and the kernel lets
 * that wait some 10 ms until deleted objects are gone. Errors as filter_apply(). */
int filter_create(const char *rules, const char *removal, Failure *failure);

/* The same where the table should exist. */
int filter_replace(const char *rules, const char *removal, Failure *failure);

typedef int (*filter_each_t)(const char *name, void *userdata);

/* Calls each() for every table of the network namespace, of all families. Needs no libnftables.
 * -EOPNOTSUPP: the kernel has no nf_tables. -ENOMEM, -errno of the kernel, what each() returns. */
int filter_each_table(filter_each_t each, void *userdata, Failure *failure);
