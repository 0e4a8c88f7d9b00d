/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The whole service: puts its parts together, and turns events from the manager and the networks
 * into signals. */

#include "api/context.h"

/* Registers everything on the bus but does not request the name yet. InvalidConfiguration
 * (-EINVAL); -errno of sd-bus and of the parts. */
int service_new(Service **ret, sd_event *event, sd_bus *bus, Failure *failure);

/* Call before the bus is closed: calls that still wait are answered. Takes NULL. Returns NULL. */
Service *service_free(Service *service);
