/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who was given what: one structured line in the journal for each grant, denial, release and
 * tampering, with the fields that vnicd(8) lists; without a journal, one line on standard error.
 * Only words that were checked get in, and what could end a line or drive a terminal is replaced.
 *
 * A user who asks all day is not to fill the disk: each has so many lines a second, and the next
 * line about them says how many were left out. Tampering is counted apart, so that no noise hides
 * it.
 */

#include <stdint.h>
#include <sys/types.h>

#include "common/user.h"

typedef struct AuditDecision {
        uid_t uid;
        const char *sender;  /* their unique name; NULL: nobody's */
        const char *action;  /* NULL: none of polkit's */
        const char *bridge;  /* NULL: it is about none */
        uint32_t endpoint;   /* the nonce; 0: likewise */
        const char *refusal; /* a few words why; NULL: granted */
} AuditDecision;

void audit_decision(Users *users, const AuditDecision *decision);

/* An endpoint of that uid is being deleted because its holder did to it what they may not. why: a
 * few words. */
void audit_tampered(Users *users, uint32_t endpoint, uid_t uid, const char *why);

/* An endpoint of that uid is being deleted because this caller asked for it. */
void audit_released(Users *users, uint32_t endpoint, uid_t uid, uid_t caller, const char *sender);
