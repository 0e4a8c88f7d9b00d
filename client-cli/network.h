/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Networks on the wire: from options to a CreateNetwork call, and from answers to the JSON that
 * "vnicctl network" shows.
 */

#include <jansson.h>

#include "client.h"

#define VNICD_NETWORK "org.vnicd1.Network"

/* All that the service tells about one: an object with "path" and its properties; a new reference.
 */
Status network_get(Client *client, const char *name, json_t **ret);

/* Those there are, each as network_get() has it, in the order of their names. */
Status network_get_all(Client *client, json_t **ret);

/* Makes one, of what the options say; what they do not say is the service's to choose. */
Status network_create(Client *client, const Options *options, const char *name);

Status network_delete(Client *client, const char *name);

/* The addresses its guests were given: objects with address, mac, name ("": unknown) and expiry
 * (seconds since 1970; 0: never). */
Status network_get_leases(Client *client, const char *name, json_t **ret);
