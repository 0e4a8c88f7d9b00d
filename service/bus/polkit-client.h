/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The wire to polkit: one CheckAuthorization, its answer, and taking it back. The subject is always
 * the caller's unique bus name, which cannot be passed on nor taken over as a process id can.
 *
 * Source: org.freedesktop.PolicyKit1.Authority, polkit(8).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define POLKIT_DETAILS_MAX 3

typedef struct PolkitDetail {
        const char *key;
        char value[32]; /* a token that we made or checked, never a client's own words */
} PolkitDetail;

typedef struct PolkitQuestion {
        const char *action;
        PolkitDetail details[POLKIT_DETAILS_MAX]; /* up to the first without a key */
} PolkitQuestion;

typedef enum PolkitVerdict {
        POLKIT_UNAVAILABLE, /* an error, a time-out, no polkit: no */
        POLKIT_DENIED,
        POLKIT_DISMISSED, /* a person closed the prompt */
        POLKIT_CHALLENGE, /* a person would have to be asked */
        POLKIT_YES,
        POLKIT_VERDICT_MAX,
} PolkitVerdict;

/* Asks about the sender; the answer comes to callback. id, not 0 and of this question alone, is for
 * polkit_cancel(). With ask_person it may take as long as a person thinks. -errno of sd-bus. */
int polkit_ask(sd_bus *bus, sd_bus_slot **ret, const char *sender, const PolkitQuestion *question,
                uint64_t id, bool ask_person, sd_bus_message_handler_t callback, void *userdata);

PolkitVerdict polkit_read_verdict(sd_bus_message *answer);

/* Takes a question back that has not been answered. */
void polkit_cancel(sd_bus *bus, uint64_t id);
