/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parses DIRECTORY/networks/NAME.conf, the definition of the network NAME. As in vnicd.conf, a
 * single bad line makes the file invalid. vnicd-network(5) describes the format.
 */

#include <stddef.h>

#include "config/network-plan.h"

/* Failures call the file file; name is its name without the path, with ".conf". text has size bytes
 * and a zero byte after them. Addresses that the service is to choose stay unset.
 * The hosts are the caller's, to be freed.
 * InvalidConfiguration (-EINVAL): file, line and reason. -ENOMEM. */
int config_network_parse(const char *file, const char *name, const char *text, size_t size,
                NetworkPlan *ret, NetworkHosts *ret_hosts, Failure *failure);
