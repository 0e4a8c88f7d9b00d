/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connects to the system bus, and explains what can go wrong: when connecting, and when calling the
 * service. A sentence says what was attempted, what failed and what to do.
 */

#include <systemd/sd-bus.h>

#include "status.h"

/* Connects to the system bus and waits, no longer than for a reply, until the bus has accepted the
 * connection. Returns a negative errno for connection_explain(). */
int connection_open(sd_bus **ret);

/* Why connection_open() failed, as a new string; NULL: out of memory. error is an errno of either
 * sign. */
char *connection_explain(int error);

/* Reports why a call of the service's method failed, and what to do. Returns the exit status for
 * it. */
Status connection_complain_call(const char *member, const sd_bus_error *error);
