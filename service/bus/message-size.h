/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much a call that is held keeps, and how long it takes to read: the bus lets messages of 32
 * MiB through, and sd-bus does not tell how large one is. Values count, and so do their signatures,
 * which a variant brings along.
 */

#include <systemd/sd-bus.h>

#include "common/failure.h"

/* The call is read from its beginning, and stands there again. -EMSGSIZE with InvalidArgs: it is
 * malformed, or larger than some 64 KiB. */
int message_check_size(sd_bus_message *message, Failure *failure);
