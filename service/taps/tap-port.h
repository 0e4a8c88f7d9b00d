/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a tap's link should have so that filters and its bridge know it: its group, and the flags of
 * its port. The answer is the same for a tap that is made and for one that is found, so that taps
 * of older versions are brought up to date.
 *
 * The group comes first: the filter knows the tap by it, and without the filter a port must not
 * forward reserved frames.
 *
 * No guest becomes the root of a bridge's spanning tree: the filter drops its BPDUs and, where
 * there is no filter, or BPDU guard is to see them, the port has root block.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/link.h"
#include "networks/group.h"
#include "taps/tag.h"

typedef struct TapPort {
        uint32_t group;
        LinkPort port; /* valid if the tap is on a bridge */
} TapPort;

/* What is wanted of a tap that is made. */
typedef struct TapPortRequest {
        int network;  /* ifindex of its network's bridge; 0: none */
        bool bridged; /* on a bridge, a network's or the host's */
        bool anti_spoof, isolated, bpdu_guard;
        TapSources sources; /* on a network */
} TapPortRequest;

/* filters: the TAP_FILTER_* that are in force. */
TapPort tap_port_for_request(const TapPortRequest *request, unsigned filters);

/* For an existing tap: what it was made as, by its tag. network: the ifindex of its network's
 * bridge; 0: none. A tap whose tag names no bridge belongs on none, or has the tag of an older
 * version. If such a tap has the group of those on bridges, it has lost its bridge. */
TapPort tap_port_for_tag(const Tag *tag, const LinkInfo *link, int network, unsigned filters);
