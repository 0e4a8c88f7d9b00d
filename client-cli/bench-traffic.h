/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The two ends of the benchmark's TCP connection, each a child process that lives until it is
 * stopped, or until its parent is gone.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* Memory shared with the children. */
typedef struct TrafficCount {
        _Atomic uint64_t bytes; /* of payload that the sink has read */
} TrafficCount;

/* A child process; pid is 0 if there is none. */
typedef struct TrafficChild {
        pid_t pid;
} TrafficChild;

/* A socket that listens at the address, in the network namespace of this process. Returns the fd or
 * a negative errno. */
int traffic_listen(const char *address);

/* Accepts one connection and reads from it until it ends. Negative errno of fork(2). */
int traffic_start_sink(int listening_fd, TrafficCount *count, TrafficChild *ret);

/* Connects the TCP socket and writes without end. Negative errno of fork(2). */
int traffic_start_source(int fd, const char *address, TrafficChild *ret);

/* Ends the child and waits until it is gone. A cleanup function. */
void traffic_child_stop(TrafficChild *child);

/* NULL: out of memory. */
TrafficCount *traffic_count_new(void);
void traffic_count_free(TrafficCount *count);
