/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Measures what the virtio_net_hdr and the offloads gain on this host: TCP between two network
 * stacks that are connected by two taps and a small switch in user space. Everything is in a user
 * namespace and network namespaces of its own, so it needs no privileges and does not touch the
 * host.
 */

#include "status.h"

typedef enum BenchMode {
        BENCH_PLAIN,    /* bare frames */
        BENCH_HEADER,   /* each frame after a virtio_net_hdr that is always empty */
        BENCH_OFFLOADS, /* checksums and segmentation left to the other side */
        BENCH_MODE_MAX,
} BenchMode;

typedef struct BenchResult {
        double gbit_per_s;      /* of TCP payload that arrived; above 0 */
        double syscalls_per_gb; /* reads and writes of the taps, per 10^9 bytes of it; above 0 */
} BenchResult;

/* Moves this process, for good, to a user namespace of its own and checks whether taps can be
 * created there. STATUS_NOT_SUPPORTED if this host does not permit it. Call it once, first. */
Status bench_enter(void);

/* Measures one mode. Blocks for some tenths of a second longer than it measures, at most 5 s;
 * leaves no process or interface behind. */
Status bench_run(BenchMode mode, unsigned seconds, BenchResult *ret);
