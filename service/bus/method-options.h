/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads the options of a call, "a{sv}", into a struct, by a table of keys, their types, and their
 * members. An unknown key, a duplicate, or a wrong type is refused with a message that names the
 * key; nothing is ignored.
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "common/failure.h"

typedef struct Option {
        const char *key;
        char type[3];
        size_t value;  /* uint32_t or bool in the target, for the types u and b */
        size_t is_set; /* bool in the target; 0: none (the first member is no option) */
        int (*set)(void *target, const char *value,
                        Failure *failure); /* for type s; for as, called for each */
} Option;

typedef struct OptionTable {
        const Option *options; /* 32 at most */
        size_t n;
        const char *arguments; /* the arguments of the call, for the refusal of others */
} OptionTable;

/* InvalidOption, InvalidArgs (-EINVAL), and whatever set() returns. */
int options_read(sd_bus_message *call, const OptionTable *table, void *target, Failure *failure);

/* Refuses other arguments than those of the table, with InvalidArgs (-EINVAL). */
int options_refuse(const OptionTable *table, Failure *failure);
