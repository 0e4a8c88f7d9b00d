/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bridges of the host that are renamed, deleted, or created again. */

#include "taps/manager-private.h"

/* Takes over what the kernel says of any link, which may be such a bridge. */
void manager_see_host_bridge(Manager *manager, const LinkInfo *link, LinkEvent event);

/* Looks at all of them, when events were lost. */
void manager_resync_bridges(Manager *manager);

/* For HostBridge.rejoin: puts waiting endpoints back. */
void manager_rejoin_bridge(Reconcilable *thing);
