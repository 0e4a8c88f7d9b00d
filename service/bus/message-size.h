/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much a call that is kept keeps: the bus lets messages of 32 MiB through, and sd-bus does not tell how
 * large one is.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* Whether it is well-formed, and no larger than some 64 KiB. It is read from its beginning, and stands there
 * again. */
bool message_is_small(sd_bus_message *message);
