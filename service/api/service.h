/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The whole service: puts its parts together, and turns what the model reports into signals. */

#include "api/context.h"

/* Puts everything on the bus but does not ask for the name yet. InvalidConfiguration (-EINVAL);
 * -errno of sd-bus and of the model. */
int service_new(Service **ret, sd_event *event, sd_bus *bus, Failure *failure);

/* Before the bus is closed: who still waits is told. Takes NULL. Returns NULL. */
Service *service_free(Service *service);
