/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An endpoint as vnicctl shows it: one JSON object with "path" and the properties of all its
 * org.vnicd1.* interfaces, in snake_case.
 */

#include <jansson.h>

/* interfaces is ObjectManager's entry for an object: {interface: {property: value}}. A new
 * reference. -ENOMEM. */
int endpoint_from_interfaces(const char *path, const json_t *interfaces, json_t **ret);
