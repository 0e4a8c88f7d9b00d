/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.vnicd1.Network, and the Manager's methods for networks. */

#include "api/context.h"
#include "common/warning.h"
#include "networks/firewall.h"

/* Called once by service_new(). -errno of sd-bus. */
int network_interface_register(Service *service);

/* Manager.CreateNetwork() */
int method_create_network(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* The problems of the network; words: for a sentence of them. */
void network_find_warnings(Service *service, const Network *network, Warnings *ret,
                char words[static FIREWALL_SENTENCE_SIZE]);

/* Appends an "as": chains of others that may or may not block its traffic. */
int network_append_undecided(sd_bus_message *reply, Service *service, const Network *network);

/* Announce that a network is up or going, or that one of its properties has changed
 * (WarningCodes with Warnings). */
void network_announce(Service *service, const Network *network);
void network_announce_end(Service *service, const Network *network);
void network_emit_change(Service *service, const char *name, const char *property);
