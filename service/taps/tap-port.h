/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a tap's link should have so that filters and its bridge know it: its group, and the flags of
 * its port. The same answer for a tap that is made and for one that is found, so that what an older
 * version made is brought up to date.
 *
 * The group comes first: by it the filter knows the tap, and without the filter a port must not
 * forward reserved frames.
 *
 * No guest becomes the root of a bridge's spanning tree: what it says of the tree is dropped by the
 * filter, and where there is none, or BPDU guard is to see it, the port has root block.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/link.h"
#include "networks/group.h"
#include "taps/tag.h"

typedef struct TapPort {
        uint32_t group;
        LinkPort port; /* valid on a bridge */
} TapPort;

/* What is asked of a tap that is made. */
typedef struct TapPortRequest {
        int network;  /* ifindex of its network's bridge; 0: none */
        bool bridged; /* on a bridge, a network's or the host's */
        bool anti_spoof, isolated, bpdu_guard;
        TapSources sources; /* on a network */
} TapPortRequest;

/* filters: TAP_FILTER_*, those that stand. */
TapPort tap_port_for_request(const TapPortRequest *request, unsigned filters);

/* For one that is there: what it was made as, by its tag. network: the ifindex of its network's
 * bridge; 0: none. A tap whose tag names no bridge is on none, or its tag is an older version's. If
 * such a tap has the group of those on bridges, it has lost its own. */
TapPort tap_port_for_tag(const Tag *tag, const LinkInfo *link, int network, unsigned filters);
