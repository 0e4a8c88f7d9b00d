/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Talks to polkit: sends one CheckAuthorization, reads its answer, or cancels it. The subject is
 * always the caller's unique bus name, which, unlike a process id, can be neither passed on nor
 * reused.
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
        char value[32]; /* a token that we generated or checked, never a client's own text */
} PolkitDetail;

typedef struct PolkitQuestion {
        const char *action;
        PolkitDetail details[POLKIT_DETAILS_MAX]; /* up to the first without a key */
} PolkitQuestion;

typedef enum PolkitVerdict {
        POLKIT_UNAVAILABLE, /* an error, a time-out, or no polkit: counts as no */
        POLKIT_DENIED,
        POLKIT_DISMISSED, /* a person closed the prompt */
        POLKIT_CHALLENGE, /* somebody would have to authenticate */
        POLKIT_YES,
        POLKIT_VERDICT_MAX,
} PolkitVerdict;

/* Asks about the sender; the answer comes to callback. id, unique and not 0, is for
 * polkit_cancel(). With ask_person, polkit may ask somebody to authenticate, which may take
 * minutes. -errno of sd-bus. */
int polkit_ask(sd_bus *bus, sd_bus_slot **ret, const char *sender, const PolkitQuestion *question,
                uint64_t id, bool ask_person, sd_bus_message_handler_t callback, void *userdata);

PolkitVerdict polkit_read_verdict(sd_bus_message *answer);

/* Cancels a check that has not been answered. */
void polkit_cancel(sd_bus *bus, uint64_t id);
