/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls about networks: from options to a CreateNetwork call, and from answers to the JSON that
 * "vnicctl network" shows.
 */

#include <jansson.h>

#include "client.h"

#define VNICD_NETWORK "org.vnicd1.Network"

/* Everything about one network: an object with "path" and its properties; a new reference. */
Status network_get(Client *client, const char *name, json_t **ret);

/* All networks, each as from network_get(), ordered by name. */
Status network_get_all(Client *client, json_t **ret);

/* Creates a network from the options; the service chooses whatever they leave open. */
Status network_create(Client *client, const Options *options, const char *name);

Status network_delete(Client *client, const char *name);

/* The addresses assigned to its guests: objects with address, mac, name ("": unknown) and expiry
 * (seconds since 1970; 0: never). */
Status network_get_leases(Client *client, const char *name, json_t **ret);
