/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the holders of an endpoint's queues have done with it, and what follows from it. A queue fd
 * is a powerful thing: without any privilege its holder can change the tap's MAC (and so draw
 * another station's frames), make the tap persistent, give it away, and cause link events as fast
 * as they like. Pure judgement on what the kernel says, event by event: acting on it is the
 * manager's.
 */

#include "common/rate-limit.h"
#include "kernel/link.h"
#include "taps/tag.h"

typedef enum TamperAction {
        TAMPER_ACTION_FINE,
        TAMPER_ACTION_RESTORE_MAC, /* once is put back */
        TAMPER_ACTION_LEFT_BEHIND, /* it was to end with its last queue, and was kept from it */
        TAMPER_ACTION_TAMPERED,
        TAMPER_ACTION_MAX,
} TamperAction;

typedef struct TamperState {
        uint64_t mac_restored_at; /* µs of CLOCK_MONOTONIC; 0: never */
        bool restoring;           /* events from before the MAC was put back may still come */
        RateLimit events;         /* of late */
} TamperState;

/* One more event of the endpoint. True: there have been more of late than any honest consumer
 * makes. */
bool tamper_count_event(TamperState *tamper, uint64_t now_usec);

/* The link as the kernel has it now. For a bad verdict *ret_why is a sentence without its end: what
 * was done. TAMPER_ACTION_RESTORE_MAC is remembered: the next within a minute is tampering. */
TamperAction tamper_check(TamperState *tamper, const Tag *tag, const LinkInfo *link,
                uint64_t now_usec, const char **ret_why);
