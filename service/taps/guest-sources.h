/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which MACs the guests of networks use. */

#include "taps/manager-private.h"

/* Listens to what the filters of networks report of source MACs, if it does not already;
 * capabilities.sources says whether it can. */
void manager_open_sources(Manager *manager);
void manager_close_sources(Manager *manager);

/* Which source MACs of a new tap on a network are to be reported. */
TapSources manager_sources_for(const Manager *manager, bool locked, bool generated);

/* The guests' source MACs are not reported any more. */
void manager_lose_sources(Manager *manager);
