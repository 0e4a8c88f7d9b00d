/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bridges of the host that are renamed, gone, or there again. */

#include "taps/manager-private.h"

/* What the kernel says of any link: it may be such a bridge. */
void manager_see_host_bridge(Manager *manager, const LinkInfo *link, LinkEvent event);

/* At the start, and when events were lost. */
void manager_resync_bridges(Manager *manager);

/* For HostBridge.rejoin: puts back what waits for it. */
void manager_rejoin_bridge(Reconcilable *thing);
