/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one table between kinds of failure and D-Bus error names; also compiled into the clients,
 * which turn a name back into its kind and the kind into an exit status.
 */

#include <systemd/sd-bus.h>

#include "common/failure.h"

/* The D-Bus name of a kind; never NULL. FAILURE_NONE reads as a plain
 * org.freedesktop.DBus.Error.Failed. */
const char *error_name(FailureKind kind);

/* The kind of a D-Bus error name; FAILURE_NONE if it is none of ours. name may be NULL. */
FailureKind error_kind(const char *name);

/* The result of a handler. r >= 0: the call has been answered, or will be; returns 1, since sd-bus
 * takes 0 for "not handled". r < 0: puts the failure into *error and returns a negative errno, so
 * that sd-bus answers with it; the sentence is made from r if no Failure was filled (out of memory,
 * mostly). */
int error_answer(sd_bus_error *error, const Failure *failure, int r);
