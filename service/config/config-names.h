/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Users and groups by name or number. NSS may wait for a server, so these are called in threads,
 * never in the loop.
 */

#include <sys/types.h>

/* A number is accepted whether or not an account has it. -ENOENT: there is no such name. -EINVAL:
 * the number is no valid id. -ENOMEM. Other errors: NSS failed. */
int config_find_user(const char *text, uid_t *ret);
int config_find_group(const char *text, gid_t *ret);
