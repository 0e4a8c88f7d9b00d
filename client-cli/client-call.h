/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls whose answers are wanted as JSON.
 */

#include <jansson.h>

#include "client.h"

/* Calls a method with no argument (argument is NULL) or one string, and decodes its reply into an
 * array; a new reference. */
Status client_call(Client *client, const Method *method, const char *argument, json_t **ret);

/* All properties of one interface of an object, as the service spells them; a new reference. */
Status client_get_properties(Client *client, const char *path, const char *interface, json_t **ret);

/* The path of the endpoint with this interface name or label, as a new string. */
Status client_find_endpoint(Client *client, const char *name, char **ret);
