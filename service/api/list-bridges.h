/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ListBridges: the bridges of the host, and whether the caller may use them. */

#include "api/context.h"

/* Manager.ListBridges() */
int method_list_bridges(sd_bus_message *call, void *userdata, sd_bus_error *error);
