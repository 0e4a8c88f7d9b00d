/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What networks there are already when the service starts, or when events were lost. */

#include "networks/network.h"

/* Takes up the networks that are there, before the links are followed; and what is left of one that
 * was not finished, or not deleted to the end, goes. Nothing of that keeps the service from
 * starting. */
void networks_adopt(Networks *networks);

/* Filters of networks whose bridge is gone go. For when no endpoint is left behind them. */
void networks_remove_orphans(Networks *networks);

/* Once all endpoints are known: a network that nobody uses goes. */
void networks_settle(Networks *networks);

/* Events were lost: those whose bridge is gone are gone. */
void networks_resync(Networks *networks);
