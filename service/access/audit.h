/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who was given what: one structured line in the journal for each grant, denial, release and
 * tampering, with the fields that vnicd(8) lists; without a journal, one line on standard error.
 * Only words that were checked get in, and what could end a line or drive a terminal is replaced.
 *
 * A user who asks all day is not to fill the disk: each has so many lines a second, and the next
 * line about him says how many were left out. Tampering is counted apart, so that no noise hides
 * it.
 */

#include "api/service.h"

typedef struct AuditDecision {
        uid_t uid;
        const char *sender;       /* his unique name */
        const char *action;       /* NULL: none of polkit's */
        const char *bridge;       /* NULL: it is about none */
        const Endpoint *endpoint; /* NULL: likewise */
        const char *refusal;      /* a few words why; NULL: granted */
} AuditDecision;

/* -ENOMEM */
int audit_new(Audit **ret);

/* Takes NULL. Returns NULL. */
Audit *audit_free(Audit *audit);

void audit_decision(Audit *audit, const AuditDecision *decision);

/* An endpoint is being deleted because its holder did to it what he may not. why: a few words. */
void audit_tampered(Service *service, const Endpoint *endpoint, const char *why);

/* An endpoint is being deleted because this call asked for it. */
void audit_released(Service *service, sd_bus_message *call, const Endpoint *endpoint);
