/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Interface names: pure functions. A client never chooses one: ours are "vnic" and the 8 hex digits
 * of a random nonce, never used again. Those a client gives are names of bridges, and are checked
 * before they go anywhere: the kernel itself takes "$(id)", "-rf" and "x%dy", and cuts the
 * sixteenth byte off.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define IFNAME_PREFIX "vnic"

/* A random number for a new name. -errno of getrandom(2). */
int ifname_nonce(uint32_t *ret);

/* The name of a nonce, into buffer, which it returns. */
const char *ifname_of_nonce(uint32_t nonce, char buffer[static IFNAMSIZ]);

/* The nonce of a name of exactly that form. -EINVAL for any other. */
int ifname_parse_nonce(const char *name, uint32_t *ret);

/* 1 to 15 of [A-Za-z0-9_.+@-], not beginning with "-" or ".": what may be looked up and shown. */
bool ifname_is_plain(const char *name);
