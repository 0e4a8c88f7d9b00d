/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waits until the bridge port of a tap forwards frames.
 */

#include "new-tap.h"
#include "options.h"
#include "status.h"

/* On a bridge with the spanning tree protocol this takes twice the forward delay. It is a failure
 * if the port does not forward after the longest delay that a bridge can have. */
Status forwarding_wait(const Options *options, const NewTap *tap);
