/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.vnicd1.Network, and what the Manager has to say of networks. */

#include "api/context.h"

/* Called once by service_new(). -errno of sd-bus. */
int network_interface_register(Service *service);

/* Manager.CreateNetwork() */
int method_create_network(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* An "as": what stands in the network's way. */
int network_append_warnings(sd_bus_message *reply, Service *service, const Network *network);

/* An "as": chains of others of which it is not known whether they stand in its way. */
int network_append_undecided(sd_bus_message *reply, Service *service, const Network *network);

/* From the model: a network is up, or goes; or one of its properties is another. */
void network_announce(Service *service, const Network *network);
void network_announce_end(Service *service, const Network *network);
void network_emit_change(Service *service, const char *name, const char *property);
