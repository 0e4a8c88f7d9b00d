/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the arguments of CreateNetwork, (ssa{sv}), to a plan. */

#include <systemd/sd-bus.h>

#include "config/network-plan.h"

typedef struct NetworkRequest {
        NetworkPlan plan;
        bool interactive; /* a person may be asked whether it is allowed */
} NetworkRequest;

/* InvalidArgs, InvalidOption (-EINVAL). */
int network_request_read(sd_bus_message *call, NetworkRequest *ret, Failure *failure);
