/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The offloads in words: since when they exist, what they buy, and what it means that one is
 * off. For people; programs have the names in JSON.
 */

#include <jansson.h>

#include "status.h"

/* The table of a host: manager has "offloads_supported". */
Status offloads_print_host(const json_t *manager);

/* The table of a tap, supported against active, and what the gap means. endpoint has the properties
 * of its interfaces; nothing is printed if it tells no offloads. */
Status offloads_print_tap(const json_t *endpoint);
