/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the arguments of CreateEndpoint, CreateTap, CanCreateTap and OpenTap to a TapRequest.
 * Everything that a client can say is read here, once; a key that is unknown, of the wrong type or
 * duplicate is refused by name, never ignored.
 */

#include <systemd/sd-bus.h>

#include "taps/tap-request.h"

/* Reads "sbba{sv}" from the start of the call. -EINVAL with InvalidOption or InvalidArgs, and as
 * tap_request_set_bridge() and tap_request_complete() refuse. */
int request_read(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure);

/* Reads "sba{sv}", the arguments of OpenTap, from the start of the call: the tap has one queue and
 * is handed over with it. Otherwise as request_read(). */
int request_read_single(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure);

/* Reads "ssa{sv}", the arguments of CreateEndpoint, from the start of the call: what CreateTap has
 * arguments for are options of it. Otherwise as request_read(). */
int request_read_endpoint(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure);
