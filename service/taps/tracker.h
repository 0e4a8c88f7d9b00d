/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In step with the kernel. */

#include "taps/manager-private.h"

/* Compares the ports of all endpoints: the filters of all taps have come or gone. */
void manager_mend_ports(Manager *manager);

/* For the link monitor. */
extern const LinkFollower manager_link_follower;
