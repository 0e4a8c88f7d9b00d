/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A manager on a loop of its own, with an observer that counts, and what a client would hold. The
 * insides of the manager may be looked at; what exists is asked of the kernel (world.h).
 */

#include "taps/manager-private.h"
#include "taps/manager.h"

/* The user for whom the tests create things: the usual limits apply, except for the rate of
 * creations. */
#define CLIENT(id, name)                                                                           \
        (&(Client){ .uid = (id),                                                                   \
                        .ports_per_bridge = 1023,                                                  \
                        .limits = { .endpoints = 32, .queues = 64, .creations = 1000000 },         \
                        .connection = (name) })

typedef struct Stage {
        sd_event *event;
        Manager *manager;
        unsigned appeared, changed, leaving;
        unsigned changes; /* the bits of all changes */
        uint32_t last_nonce;
        unsigned tampered, deleted; /* reports, and those that report a deletion */
        EndpointEnd end;            /* how the last one that left ended */
        unsigned networks_appeared, networks_leaving, networks_warned;
        unsigned bridges_changed, rerouted;
} Stage;

/* A waiter for the removal of an endpoint. */
typedef struct Waiter {
        RemovalWaiter watch;
        unsigned told;
        int error;
} Waiter;

#define WAITER_INIT                                                                                \
        (Waiter) {                                                                                 \
                .watch.removed = waiter_gone                                                       \
        }

void waiter_gone(RemovalWaiter *watch, int error);

/* Loop and manager; the counts begin at zero. The tap on which the manager tried what the host
 * offers is gone. */
void stage_enter(Stage *stage);
void stage_leave(Stage *stage);

/* Another manager, as after a restart of the service; the loop stays. */
void stage_restart(Stage *stage);

/* Runs the loop until nothing has happened for that long. */
void stage_run(Stage *stage, unsigned quiet_msec);

/* The descriptors of the process, without those that a thread has open for a moment. */
unsigned stage_count_fds(Stage *stage);

/* Runs the loop until the condition is true, and fails if it is not within ten seconds. */
#define stage_await(stage, condition)                                                              \
        do {                                                                                       \
                const uint64_t end_ = stage_patience();                                            \
                                                                                                   \
                while (!(condition))                                                               \
                        if (!stage_run_for_a_moment(stage, end_))                                  \
                                fail_msg("never: %s", #condition);                                 \
        } while (0)

/* For stage_await(): its deadline; and an iteration of the loop, false once the deadline is
 * over. */
uint64_t stage_patience(void);
bool stage_run_for_a_moment(Stage *stage, uint64_t end);

/* Runs the loop until that many have left, and fails if they have not within ten seconds. */
void stage_run_until_left(Stage *stage, unsigned leaving);

/* A completed request for a tap on br0. */
TapRequest stage_request(void);

/* Checks the placement and creates, for uid 1000; both must succeed. */
Endpoint *stage_create(Stage *stage, const TapRequest *request, FdSet *ret_queues);

unsigned stage_count_endpoints(Stage *stage);

/* Whether the user may have everything again: nothing is charged to them. */
bool stage_owes_nothing(Stage *stage, uid_t uid);

/* The socket from which events are read. */
int stage_events_fd(void);
