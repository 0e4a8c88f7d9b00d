/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.vnicd1.Endpoint: what all kinds of endpoint have in common. */

#include "api/context.h"

/* Called once by service_new(). -errno of sd-bus. */
int endpoint_interface_register(Service *service);

/* changes: ENDPOINT_CHANGED_*. */
void endpoint_emit_changes(Service *service, const Endpoint *endpoint, unsigned changes);
