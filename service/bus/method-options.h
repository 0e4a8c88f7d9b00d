/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Options of a call, "a{sv}", read into a value by a table: which keys there are, of which type,
 * and where each goes. An unknown key, one that comes twice, another type: each is a refusal that
 * names the key, and nothing is passed over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "common/failure.h"

typedef struct Option {
        const char *key;
        char type[3];
        size_t value;  /* uint32_t or bool in the target, for the types u and b */
        size_t is_set; /* bool in the target; 0: it has none (the first member is no option) */
        int (*set)(void *target, const char *value, Failure *failure); /* for s; for as, each */
} Option;

typedef struct OptionTable {
        const Option *options; /* 32 at most */
        size_t n;
        const char *arguments; /* those of the call, for the refusal of others */
} OptionTable;

/* InvalidOption, InvalidArgs (-EINVAL), and what a set() returned. */
int options_read(sd_bus_message *call, const OptionTable *table, void *target, Failure *failure);

/* InvalidArgs (-EINVAL): these are not the arguments of the call. */
int options_refuse(const OptionTable *table, Failure *failure);
