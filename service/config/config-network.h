/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One file of DIRECTORY/networks: what an administrator wants a network to be. Its name is that of
 * the file. Strict as vnicd.conf is: one bad line, and the file is refused. vnicd-network(5) has
 * the format.
 */

#include <stddef.h>

#include "config/network-plan.h"

/* file: what failures call it; name: that of the file, without its path, with ".conf". text has
 * size bytes and a zero byte after them. What the host decides (free addresses) stays open.
 * InvalidConfiguration (-EINVAL): file, line and reason. -ENOMEM. */
int config_network_parse(const char *file, const char *name, const char *text, size_t size,
                NetworkPlan *ret, Failure *failure);
