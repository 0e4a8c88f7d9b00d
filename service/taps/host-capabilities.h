/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What this host offers to taps. */

#include <stdbool.h>

#include "kernel/offload.h"

/* Whether the filters of networks can tell us of the source MACs of guests
 * (networks/network-filter). */
typedef enum SourceTelling {
        SOURCES_UNSUPPORTED, /* the kernel has no nfnetlink_log, or it could not be asked */
        SOURCES_TAKEN,       /* another program listens in our place */
        SOURCES_TOLD,
} SourceTelling;

/* What the host offers; told by a scratch tap, and by the filters that could be made, at the start.
 */
typedef struct HostCapabilities {
        OffloadCapability offloads;
        unsigned max_queues;
        unsigned cpus;        /* online */
        bool vhost_net;       /* there is a /dev/vhost-net */
        unsigned tap_filters; /* TAP_FILTER_*, those that stand */
        SourceTelling sources;
} HostCapabilities;
