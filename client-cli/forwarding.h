/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waits until the bridge's port of a tap passes frames.
 */

#include "new-tap.h"
#include "options.h"
#include "status.h"

/* On a bridge with the spanning tree protocol that takes twice the forward delay. A port that still
 * does not forward when the longest delay that a bridge can have is over is a failure. */
Status forwarding_wait(const Options *options, const NewTap *tap);
