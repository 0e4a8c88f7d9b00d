/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Formats a member of a JSON object for people.
 */

#include <jansson.h>

/* Returns a new string; NULL: out of memory. A member that is missing or empty reads "-". */
char *cell_text(const json_t *object, const char *key);
