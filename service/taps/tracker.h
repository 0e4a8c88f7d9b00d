/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In step with the kernel. */

#include "taps/manager-private.h"

/* Those of all: filters that they go with have come or gone. */
void manager_mend_ports(Manager *manager);

/* For the link monitor. */
extern const LinkFollower manager_link_follower;
