/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What this host offers to taps. */

#include <stdbool.h>

#include "kernel/offload.h"

/* Whether the filters of networks can report the source MACs of guests (networks/network-filter).
 */
typedef enum SourceTelling {
        SOURCES_UNSUPPORTED, /* the kernel has no nfnetlink_log, or did not answer */
        SOURCES_TAKEN,       /* another program listens instead of us */
        SOURCES_TOLD,
} SourceTelling;

/* What the host offers, as tried at the start with a scratch tap and with filters. */
typedef struct HostCapabilities {
        OffloadCapability offloads;
        unsigned max_queues;
        unsigned cpus;        /* online */
        bool vhost_net;       /* there is a /dev/vhost-net */
        unsigned tap_filters; /* TAP_FILTER_* that are in force */
        SourceTelling sources;
} HostCapabilities;
