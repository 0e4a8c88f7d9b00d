/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A member of a JSON object as a person reads it.
 */

#include <jansson.h>

/* New memory; NULL only without any. A member that is missing or empty reads "-". */
char *cell_text(const json_t *object, const char *key);
