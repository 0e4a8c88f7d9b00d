/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ownership by scope for sd-bus objects. */

#include <systemd/sd-bus.h>

#include "common/cleanup.h"

#define _cleanup_sd_message_ _cleanup_(sd_bus_message_unrefp)
