/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Users and groups by name or number. Asks NSS, which may wait for a server: for threads, not for
 * the loop.
 */

#include <sys/types.h>

/* A number is taken as it is, whether or not anybody has it. -ENOENT: nobody has this name.
 * -EINVAL: a number past the last id. -ENOMEM. Others: NSS could not tell. */
int config_find_user(const char *text, uid_t *ret);
int config_find_group(const char *text, gid_t *ret);
