/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Describes the offloads to people: since when they exist, what they gain, and what it means if one
 * is off. Programs get the names in JSON.
 */

#include <jansson.h>

#include "status.h"

/* Prints the table for a host: manager has "offloads_supported". */
Status offloads_print_host(const json_t *manager);

/* Prints the table for a tap, supported against active, and what the gap means. endpoint has the
 * properties of its interfaces; prints nothing if these do not include offloads. */
Status offloads_print_tap(const json_t *endpoint);
