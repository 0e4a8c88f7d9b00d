/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Interface names: pure functions. A client never chooses one: ours are "vnic" and the 8 hex digits
 * of a random nonce, never reused. The names that clients do give are those of bridges, and are
 * checked before they are used anywhere: the kernel itself accepts "$(id)", "-rf" and "x%dy", and
 * truncates a name at the sixteenth byte.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define IFNAME_PREFIX "vnic"

/* A random number for a new name. -errno of getrandom(2). */
int ifname_nonce(uint32_t *ret);

/* Writes the name for a nonce into buffer, which it returns. */
const char *ifname_of_nonce(uint32_t nonce, char buffer[static IFNAMSIZ]);

/* The nonce in a name of exactly that form. -EINVAL: any other name. */
int ifname_parse_nonce(const char *name, uint32_t *ret);

/* 1 to 15 of [A-Za-z0-9_.+@-], not beginning with "-" or ".": such a name may be looked up and
 * shown. */
bool ifname_is_plain(const char *name);
