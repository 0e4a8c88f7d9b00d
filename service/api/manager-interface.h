/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.vnicd1.Manager. */

#include "api/context.h"

/* Called once by service_new(). -errno of sd-bus. */
int manager_interface_register(Service *service);
