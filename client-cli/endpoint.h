/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An endpoint as vnicctl shows it: one JSON object with "path" and the properties of all interfaces
 * of org.vnicd1.* that it has, in snake_case.
 */

#include <jansson.h>

/* interfaces is what ObjectManager answers for an object: {interface: {property: value}}. A new
 * reference. -ENOMEM. */
int endpoint_from_interfaces(const char *path, const json_t *interfaces, json_t **ret);
