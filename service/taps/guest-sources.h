/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which MACs the guests of networks use. */

#include "taps/manager-private.h"

/* Listens to what the filters of networks tell of source MACs, if it does not already;
 * facts.sources tells whether that could be. */
void manager_open_sources(Manager *manager);
void manager_close_sources(Manager *manager);

/* Which sources are to be told of a tap on a network that is made so. */
TapSources manager_sources_for(const Manager *manager, bool locked, bool generated);

/* Guests' sources are not told of any more. */
void manager_lose_sources(Manager *manager);
