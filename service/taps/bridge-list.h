/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bridges of the host. */

#include "taps/manager.h"

/* Every bridge of the host with its ports, from one look at the kernel. */
typedef int (*manager_bridge_t)(const LinkInfo *bridge, const BridgePorts *ports, void *userdata);
int manager_list_bridges(Manager *manager, manager_bridge_t each, void *userdata, Failure *failure);
