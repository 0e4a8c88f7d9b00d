/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the virtio_net_hdr and the offloads buy on this host, measured: TCP between two network
 * stacks that are joined by two taps and a small switch in user space. Everything is in a user
 * namespace and network namespaces of its own: no privilege is needed, nothing of the host is
 * touched.
 */

#include "status.h"

typedef enum BenchMode {
        BENCH_PLAIN,    /* bare frames */
        BENCH_HEADER,   /* each frame after a virtio_net_hdr that never says anything */
        BENCH_OFFLOADS, /* with checksums and segmentation left to the other side */
        BENCH_MODE_MAX,
} BenchMode;

typedef struct BenchResult {
        double gbit_per_s;      /* of TCP payload that arrived; above 0 */
        double syscalls_per_gb; /* reads and writes of the taps, per 10^9 bytes of it; above 0 */
} BenchResult;

/* Moves this process, for good, to a user namespace of its own and sees whether taps can be made
 * there. STATUS_NOT_SUPPORTED if this host does not let it. To be called once, first. */
Status bench_enter(void);

/* Measures one mode. Blocks for some tenths of a second more than it measures, at most for 5 s
 * more; no process or interface is left behind. */
Status bench_run(BenchMode mode, unsigned seconds, BenchResult *ret);
