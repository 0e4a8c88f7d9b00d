/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.vnicd1.Tap: queues and what they carry. */

#include "api/context.h"

/* Called once by service_new(). -errno of sd-bus. */
int tap_interface_register(Service *service);

void tap_emit_offloads(Service *service, const Endpoint *endpoint);
