/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bridges of the host as a caller may see and use them. */

#include "api/context.h"

/* Manager.ListBridges() */
int method_list_bridges(sd_bus_message *call, void *userdata, sd_bus_error *error);
