/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Limits how much memory a call on hold takes, and how long it takes to read: the bus lets messages
 * of 32 MiB through, and sd-bus does not say how large one is. Values count, and so do the
 * signatures of variants.
 */

#include <systemd/sd-bus.h>

#include "common/failure.h"

/* Reads the call from its beginning, and rewinds it. -EMSGSIZE with InvalidArgs: it is malformed,
 * or larger than some 64 KiB. */
int message_check_size(sd_bus_message *message, Failure *failure);
