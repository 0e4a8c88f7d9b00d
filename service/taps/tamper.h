/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the holders of an endpoint's queues have done to it, and what follows. A queue fd is
 * powerful: without any privilege its holder can change the tap's MAC (and so attract another
 * station's frames), make the tap persistent, give it to another owner, and cause link events as
 * fast as they like. This only judges what the kernel says, event by event; taps/tamper-guard acts.
 */

#include "common/rate-limit.h"
#include "kernel/link.h"
#include "taps/tag.h"

typedef enum TamperAction {
        TAMPER_ACTION_FINE,
        TAMPER_ACTION_RESTORE_MAC, /* a single change is undone */
        TAMPER_ACTION_LEFT_BEHIND, /* it should have ended with its last queue, but was made
                                      persistent */
        TAMPER_ACTION_TAMPERED,
        TAMPER_ACTION_MAX,
} TamperAction;

typedef struct TamperState {
        uint64_t mac_restored_at; /* µs of CLOCK_MONOTONIC; 0: never */
        bool restoring;           /* events from before the MAC was restored may still come */
        RateLimit events;         /* recent ones */
} TamperState;

/* Counts one more event of the endpoint. true: there have been more recently than any honest
 * consumer causes. */
bool tamper_count_event(TamperState *tamper, uint64_t now_usec);

/* Judges the link as the kernel has it now. Unless all is FINE, *ret_why is a sentence without its
 * full stop that says what was done. RESTORE_MAC is remembered: the next change within a minute is
 * tampering. */
TamperAction tamper_check(TamperState *tamper, const Tag *tag, const LinkInfo *link,
                uint64_t now_usec, const char **ret_why);
