/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one gate. A table that is compiled in says of every method who may call it: everybody,
 * whoever holds the endpoint, or whom the configuration or polkit allows what the call is about.
 * Which action polkit is asked for follows from the interface and the member of the call alone,
 * never from a handler. What is not in the table does not exist, whatever a vtable says: no handler
 * sees it. A call whose arguments are of another signature than the table's is refused unread, and
 * one whose only effect would be its answer ends here where the caller wants none.
 *
 * The order is: root may; whom the configuration denies the bridge may not; whom it grants the
 * bridge is not asked; about all else polkit decides. A call may need several actions: it needs a
 * yes to each.
 *
 * Verdicts come as in access/authorization.h: a handler may run twice. What was decided, once for a
 * call, is told to the audit.
 */

#include "api/service.h"

/* What a call is about. Only what its row of the table asks for needs to be there. */
typedef struct GateMatter {
        const char *bridge;       /* a name that was found, or "-" */
        const Endpoint *endpoint; /* NULL: none yet */
        uid_t owner;              /* whose it is, or will be */
        unsigned queues;
        bool persistent; /* it outlives its queues */
        bool network;    /* the bridge is a network of ours, with ports of ours only */
        bool unfiltered; /* what the network demands is to be turned off */
        /* For whoever may not take over a MAC that was learnt behind a foreign port; NULL: it was
         * not, or the configuration lets them. */
        const Failure *learnt;
        uint64_t stamp; /* of the bridge or endpoint: if it differs after an answer, that is void */
} GateMatter;

/* What a call on an endpoint is about. */
GateMatter gate_matter_of(const Endpoint *endpoint);

typedef enum GateAnswer {
        GATE_NO,
        GATE_NOT_CONFIGURED, /* no, by the configuration */
        GATE_CHALLENGE,      /* a person would be asked */
        GATE_YES,
        GATE_ANSWER_MAX,
} GateAnswer;

/* From now on what is not in the table does not exist, and no handler sees a call before it is
 * known who makes it. A round of the loop takes as long as such a message, and a bus keeps for us
 * what we do not read, with everybody's calls behind it: so what ends here is followed by the next
 * message in the same round. After authority_new(): the filter that is added last is the first to
 * see a message, and a verdict is not to be spent on a run that does not take place. -errno of
 * sd-bus. */
int gate_close(Service *service);

/* Before the bus is closed. */
void gate_done(Service *service);

/* Whether the caller may. 1: go on. 0: the answer will come; return 1. -EACCES with AccessDenied or
 * InteractiveAuthorizationRequired; -ESTALE with Stale; -EUSERS with LimitsExceeded; -ENOMEM,
 * -errno of sd-bus. */
int gate_pass(Service *service, sd_bus_message *call, const Subject *subject,
                const GateMatter *matter, Failure *failure);

/* Whether he might, for a method that tells: no person is asked, and nothing is refused. 1: *ret.
 * Otherwise as gate_pass(). */
int gate_tell(Service *service, sd_bus_message *call, const Subject *subject,
                const GateMatter *matter, GateAnswer *ret, Failure *failure);
