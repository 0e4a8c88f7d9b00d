/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Packet filters, by libnftables: text in, one transaction, so that either all of it holds or nothing
 * has changed. Knows no rule; who makes the text makes it of checked values only.
 *
 * libnftables ends the process when it gets no memory or no socket: so it is opened once, and stays.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/failure.h"

typedef struct Filter Filter;

/* -ENOMEM */
int filter_open(Filter **ret);

/* Takes NULL. Returns NULL. */
Filter *filter_close(Filter *filter);

/* NotSupported (-EOPNOTSUPP): the kernel has not what the rules need. KernelError (-EIO) with the first
 * line of what libnftables says. */
int filter_apply(Filter *filter, const char *rules, Failure *failure);

typedef int (*filter_each_t)(const char *family, const char *name, void *userdata);

/* Every table of the network namespace. */
int filter_each_table(Filter *filter, filter_each_t each, void *userdata, Failure *failure);

/* The first base chain of others at the hook "forward" that drops what it does not accept, as "FAMILY
 * TABLE CHAIN" into ret; "": there is none. Tables whose name begins with ours are passed over. */
int filter_find_forward_drop(
                Filter *filter, const char *ours, char *ret, size_t size, Failure *failure);
