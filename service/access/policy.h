/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The table of the gate: every method that can be called, who may call it, which of polkit's
 * actions that takes, and what polkit is told with each. It decides nothing.
 */

#include "access/authorization.h"
#include "access/gate.h"

#define DEMANDS_MAX 6

typedef enum Detail {
        DETAIL_NONE,
        DETAIL_BRIDGE,
        DETAIL_KIND,
        DETAIL_QUEUES,
        DETAIL_ENDPOINT,
        DETAIL_OWNER,
        DETAIL_MAX,
} Detail;

/* What a call needs: when, polkit's action, and what polkit is told. */
typedef struct GateDemand {
        bool (*applies)(const Subject *subject, const GateMatter *matter);
        const char *action;
        Detail details[POLKIT_DETAILS_MAX];
        bool configurable; /* the configuration may grant or deny it, by the bridge */
        /* What whoever lacks it is refused with: then no person is asked for it. NULL: with
         * polkit's verdict. */
        const Failure *(*refusal)(const GateMatter *matter);
} GateDemand;

typedef enum Way {
        WAY_ANYBODY,   /* nothing is asked, not even who calls */
        WAY_EVERYBODY, /* nothing is asked of polkit */
        WAY_HOLDER,    /* the connection that created it, or the owner of one that outlives it */
        WAY_DEMANDS,   /* all demands that apply */
        WAY_TOLD,      /* everybody may call it, and is told what the demands would come to */
        WAY_MAX,
} Way;

/* Whether a call that wants no answer is carried out. */
typedef enum Effect {
        EFFECT_ANSWER, /* nothing is left of it but its answer, or what its answer hands over */
        EFFECT_CHANGE,
        EFFECT_MAX,
} Effect;

typedef struct GateRow {
        const char *interface, *member;
        Way way;
        Effect effect;
        const char *signature; /* of its arguments */
        const GateDemand *demands[DEMANDS_MAX];
} GateRow;

/* NULL: not in the table. */
const GateRow *gate_find_row(sd_bus_message *call);

/* Whether any method of this interface is in the table. */
bool gate_knows_interface(const char *interface);

/* What polkit is asked for a demand. */
AuthorityQuestion gate_question(const GateDemand *demand, const GateMatter *matter, bool may_ask);
