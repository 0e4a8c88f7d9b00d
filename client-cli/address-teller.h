/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells on standard error which address a guest has, once that is known, while this process goes on
 * with something else or becomes another program. A process of its own does that, which is nobody's
 * child and has none of the queues; it ends with its task, or with this process.
 */

#include <stddef.h>

#include "new-tap.h"

/* Without it nothing is told, which is no failure. */
void address_teller_start(NewTap *const *taps, size_t n);
