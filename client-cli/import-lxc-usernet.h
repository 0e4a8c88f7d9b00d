/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * lxc-usernet: "USER TYPE BRIDGE NUMBER" or "@GROUP TYPE BRIDGE NUMBER". There each bridge has a
 * number of its own; here a user has one for all bridges together, their sum.
 */

#include "import.h"

/* -ENOMEM */
int import_lxc_usernet(Import *import, const char *path, const char *text, size_t size);

/* Writes the sums, and frees them. */
void import_lxc_usernet_finish(Import *import);
