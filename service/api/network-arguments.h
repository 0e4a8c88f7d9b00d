/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the arguments of CreateNetwork, (ssa{sv}), to a plan. */

#include <systemd/sd-bus.h>

#include "config/network-plan.h"

/* InvalidArgs, InvalidOption (-EINVAL). */
int network_request_read(sd_bus_message *call, NetworkPlan *ret, Failure *failure);
