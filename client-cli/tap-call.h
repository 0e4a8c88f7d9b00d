/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From options to a CreateTap call, and from its reply to fds.
 */

#include <systemd/sd-bus.h>

#include "client.h"
#include "common/fdset.h"
#include "options.h"
#include "status.h"

/* Calls CreateTap with the options of OPTIONS_TAP. The reply is "osasah": path, interface,
 * offloads, queues. */
Status tap_call(Client *client, const Options *options, sd_bus_message **ret);

/* Reads the last argument of the reply: the queues in order, close-on-exec, as many as were
 * requested. After a failure, *queues has those that were read. */
Status tap_call_take_queues(sd_bus_message *reply, const Options *options, FdSet *queues);
