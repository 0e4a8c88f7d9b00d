/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * D-Bus values as JSON values, so that everything behind it (tables, --json, filters) sees one kind
 * of data. Numbers become numbers, strings and paths strings without control characters, arrays and
 * structs arrays, dictionaries objects; a variant is what it holds. An fd becomes null: fds are not
 * data.
 */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* The next value of the message; a new reference. 0, or a negative errno if it cannot be read. */
int decode_value(sd_bus_message *message, json_t **ret);

/* All arguments of the message from its beginning, as an array. */
int decode_body(sd_bus_message *message, json_t **ret);

/* Adds the members of a dictionary of properties to object, with their names in snake_case
 * (MaxFdsPerMessage: max_fds_per_message). -ENOMEM. */
int decode_add_properties(json_t *object, const json_t *properties);
