/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Signals of org.vnicd1.Manager. */

#include "api/context.h"

void manager_emit_capabilities(Service *service);
void manager_emit_limits(Service *service);
void manager_emit_default(Service *service);
void manager_emit_bridges(Service *service);
void manager_emit_removed(Service *service, const Endpoint *endpoint);
