/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The way to the system bus, and the sentences for what can be in it: at the beginning, and while
 * the service is being called. A sentence says what was asked, what failed and what to do.
 */

#include <systemd/sd-bus.h>

#include "status.h"

/* Connects to the system bus and waits, as long as for an answer, until the bus has accepted the
 * connection. A negative errno: connection_explain() has the words for it. */
int connection_open(sd_bus **ret);

/* Why connection_open() failed, as a sentence in new memory; NULL if there is none left. error is
 * an errno of either sign. */
char *connection_explain(int error);

/* Says why a call of the service's method failed, with what to do. Returns the status for it. */
Status connection_complain_call(const char *member, const sd_bus_error *error);
