/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

/*
 * One measurement: this process creates two sides, starts a source and a sink on them, and then
 * acts as the switch between them. It samples both counters, its own system calls and the bytes
 * received, at the beginning and the end of the measured time; everything before is warm-up.
 */

#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench-space.h"
#include "bench-switch.h"
#include "bench-traffic.h"
#include "common/cleanup.h"
#include "language.h"

DEFINE_CLEANUP(Switch, switch_free)
DEFINE_CLEANUP(TrafficCount, traffic_count_free)

#define SOURCE_ADDRESS "192.0.2.1" /* RFC 5737 */
#define SINK_ADDRESS   "192.0.2.2"

static const double warm_up = 0.3, patience = 4.0, nano = 1e-9;

typedef struct Side {
        int tap, socket;
} Side;

typedef struct Sample {
        double time; /* seconds */
        uint64_t bytes, calls;
} Sample;

static void side_done(Side *side) {
        side->socket = close_fd(side->socket);
        side->tap = close_fd(side->tap);
}

static Status refuse(int error, const char *what) {
        return complain(STATUS_NOT_SUPPORTED, "%s (%s).", what, strerror(-error));
}

Status bench_enter(void) {
        _cleanup_close_ int tap = -EBADF;
        int r;

        r = bench_space_enter();
        if (r < 0)
                return refuse(r,
                                _("This host does not let you create a user namespace, which the benchmark needs"));
        tap = bench_space_open_tap("probe", IFF_VNET_HDR, 0);
        if (tap < 0)
                return refuse(tap,
                                _("This host does not let you create a tap with /dev/net/tun in a namespace of your own"));
        return STATUS_OK;
}

static int open_tap(BenchMode mode, const char *name) {
        switch (mode) {
        case BENCH_PLAIN:
                return bench_space_open_tap(name, 0, 0);
        case BENCH_HEADER:
                return bench_space_open_tap(name, IFF_VNET_HDR, 0);
        case BENCH_OFFLOADS:
                return bench_space_open_tap(
                                name, IFF_VNET_HDR, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
        case BENCH_MODE_MAX:
                break;
        }
        return -EINVAL;
}

/* Creates a tap and a socket in a new network namespace: one that listens, or one to connect. */
static int make_side(
                BenchMode mode, const char *name, const char *address, bool listens, Side *side) {
        int r;

        r = bench_space_new_net();
        if (r < 0)
                return r;
        side->tap = open_tap(mode, name);
        if (side->tap < 0)
                return side->tap;
        r = bench_space_set_up(name, address);
        if (r < 0)
                return r;
        if (listens)
                side->socket = traffic_listen(address);
        else {
                side->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (side->socket < 0)
                        return -errno;
        }
        return side->socket < 0 ? side->socket : 0;
}

static double now(void) {
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec * nano;
}

static Sample sample(const Switch *s, TrafficCount *count) {
        return (Sample){ .time = now(),
                .bytes = atomic_load_explicit(&count->bytes, memory_order_relaxed),
                .calls = switch_calls(s) };
}

/* Moves frames for that many seconds; if any_byte, only until the first byte has arrived. */
static int move_frames(Switch *s, TrafficCount *count, double seconds, bool any_byte) {
        double end = now() + seconds;

        while (now() < end) {
                int r = switch_step(s, 10);

                if (r < 0)
                        return r;
                if (any_byte && atomic_load_explicit(&count->bytes, memory_order_relaxed) > 0)
                        return 0;
        }
        return any_byte ? -ETIMEDOUT : 0;
}

static int measure(Switch *s, TrafficCount *count, unsigned seconds, BenchResult *ret) {
        Sample first, last;
        double bytes;
        int r;

        r = move_frames(s, count, patience, true);
        if (r < 0)
                return r;
        r = move_frames(s, count, warm_up, false);
        if (r < 0)
                return r;
        first = sample(s, count);
        r = move_frames(s, count, seconds, false);
        if (r < 0)
                return r;
        last = sample(s, count);

        if (last.bytes == first.bytes)
                return -ETIMEDOUT;
        bytes = (double)(last.bytes - first.bytes);
        *ret = (BenchResult){ .gbit_per_s = bytes * 8 / 1e9 / (last.time - first.time),
                .syscalls_per_gb = (double)(last.calls - first.calls) / (bytes / 1e9) };
        return 0;
}

static int run_between(const Side *a, const Side *b, unsigned seconds, BenchResult *ret) {
        _cleanup_(switch_freep) Switch *s = switch_new(a->tap, b->tap);
        _cleanup_(traffic_count_freep) TrafficCount *count = traffic_count_new();
        _cleanup_(traffic_child_stop) TrafficChild sink = {};
        _cleanup_(traffic_child_stop) TrafficChild source = {};
        int r;

        if (!s || !count)
                return -ENOMEM;
        r = traffic_start_sink(b->socket, count, &sink);
        if (r < 0)
                return r;
        r = traffic_start_source(a->socket, SINK_ADDRESS, &source);
        if (r < 0)
                return r;
        return measure(s, count, seconds, ret);
}

Status bench_run(BenchMode mode, unsigned seconds, BenchResult *ret) {
        _cleanup_(side_done) Side a = { .tap = -EBADF, .socket = -EBADF };
        _cleanup_(side_done) Side b = { .tap = -EBADF, .socket = -EBADF };
        int r;

        r = make_side(mode, "a", SOURCE_ADDRESS, false, &a);
        if (r < 0)
                return complain_errno(r, _("Cannot make a network namespace with a tap"));
        r = make_side(mode, "b", SINK_ADDRESS, true, &b);
        if (r < 0)
                return complain_errno(r, _("Cannot make a second network namespace with a tap"));
        r = run_between(&a, &b, seconds, ret);
        if (r < 0)
                return complain_errno(r, _("Cannot measure TCP between two taps"));
        return STATUS_OK;
}
