/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The policy table: every method that can be called, who may call it, which of polkit's
 * actions that takes, and what polkit is told with each. It decides nothing.
 */

#include "access/authorization.h"

#define REQUIREMENTS_MAX 6

/* What a call is about. Only what its row of the table asks for needs to be there. */
typedef struct AccessRequest {
        const char *bridge;  /* a name that was found, or "-"; NULL: none */
        uint32_t endpoint;   /* the nonce; 0: none yet */
        const char *creator; /* of the endpoint: the connection that made it; NULL: not known */
        uid_t owner;         /* whose it is, or will be */
        unsigned queues;
        bool persistent; /* it outlives its queues */
        bool network;    /* the bridge is a network of ours, with ports of ours only */
        bool unfiltered; /* what the network demands is to be turned off */
        /* The refusal for a caller who may not take over a MAC that was learnt behind a foreign
         * port; NULL: it was not, or the configuration lets them. */
        const Failure *learnt;
        uint64_t generation; /* of the bridge or endpoint: an answer about another one is void */
} AccessRequest;

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
typedef struct Requirement {
        bool (*applies)(const Subject *subject, const AccessRequest *request);
        const char *action;
        Detail details[POLKIT_DETAILS_MAX];
        bool configurable; /* the configuration may grant or deny it, by the bridge */
        /* What whoever lacks it is refused with: then no person is asked for it. NULL: with
         * polkit's verdict. */
        const Failure *(*refusal)(const AccessRequest *request);
} Requirement;

typedef enum MethodPolicy {
        POLICY_PUBLIC,       /* nothing is asked, not even who calls */
        POLICY_IDENTIFIED,   /* nothing is asked of polkit */
        POLICY_HANDLE_OWNER, /* the connection that created it, or the owner of one that outlives it
                              */
        POLICY_AUTHORIZE,    /* all demands that apply */
        POLICY_DRY_RUN,      /* everybody may call it, and is told what the demands would come to */
        POLICY_MAX,
} MethodPolicy;

/* Whether a call that wants no answer is carried out. */
typedef enum Effect {
        EFFECT_ANSWER, /* nothing is left of it but its answer, or what its answer hands over */
        EFFECT_CHANGE,
        EFFECT_MAX,
} Effect;

typedef struct PolicyRow {
        const char *interface, *member;
        MethodPolicy policy;
        Effect effect;
        const char *signature; /* of its arguments */
        const Requirement *requirements[REQUIREMENTS_MAX];
} PolicyRow;

/* NULL: not in the table. */
const PolicyRow *policy_find(sd_bus_message *call);

/* Whether any method of this interface is in the table. */
bool policy_knows_interface(const char *interface);

/* What polkit is asked for a requirement. */
AuthorizationQuestion policy_question(
                const Requirement *requirement, const AccessRequest *request, bool may_ask);
