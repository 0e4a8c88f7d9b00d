/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Converts D-Bus values to JSON values, so that all consumers (tables, --json, filters) see one
 * kind of data. Numbers become numbers, strings and paths become strings without control
 * characters, arrays and structs become arrays, dictionaries become objects; a variant becomes what
 * it holds. An fd becomes null, since it is not data.
 */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Decodes the next value of the message; a new reference. Returns 0, or a negative errno. */
int decode_value(sd_bus_message *message, json_t **ret);

/* Decodes all arguments of the message, from its beginning, as an array. */
int decode_body(sd_bus_message *message, json_t **ret);

/* Adds the members of a dictionary of properties to object, with their names in snake_case
 * (MaxFdsPerMessage: max_fds_per_message). -ENOMEM. */
int decode_add_properties(json_t *object, const json_t *properties);
