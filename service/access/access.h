/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who may call what. A table that is compiled in (access/policy) says of every method who may call
 * it: everybody, whoever holds the endpoint, or those whom the configuration or polkit allows what
 * the call is about. Which action polkit is asked for follows from the interface and the member of
 * the call alone, never from a handler. What is not in the table does not exist, whatever a vtable
 * says: no handler sees it. A call whose arguments have another signature than the table's is
 * refused unread, and one whose only effect would be its answer ends here if the caller wants none.
 *
 * The order is: root may; if the configuration denies the bridge, the caller may not; if it grants
 * the bridge, polkit is not consulted; polkit decides about everything else. A call may need
 * several actions: it needs a yes to each.
 *
 * A handler may run twice (access/authorization.h). Each decision is audited once.
 */

#include "access/call.h"
#include "common/failure.h"
#include "config/config.h"

typedef struct Access Access;

/* What is asked of the world above. */
typedef struct AccessHost {
        /* The configuration in force; never NULL. */
        const Config *(*config)(void *userdata);
        /* Whether there is an object of that path, or a part of the tree that leads to some. */
        bool (*has_object)(const char *path, void *userdata);
        /* Whether properties of that object are asked of the kernel: then their readers take turns.
         */
        bool (*is_costly)(const char *path, void *userdata);
} AccessHost;

typedef enum AccessAnswer {
        ACCESS_UNAVAILABLE, /* no, since polkit did not answer */
        ACCESS_NO,
        ACCESS_NOT_CONFIGURED, /* no, by the configuration */
        ACCESS_CHALLENGE,      /* a person would be asked */
        ACCESS_YES,
        ACCESS_ANSWER_MAX,
} AccessAnswer;

/* The users stay the caller's. The bus must be attached to its loop. -ENOMEM, -errno of sd-bus and
 * sd-event. */
int access_new(Access **ret, sd_bus *bus, Users *users, const AccessHost *host, void *userdata);

/* After what calls may be blocked on is freed, whose end they are told, and before the bus is
 * closed: calls that still wait are told that the service is stopping. Takes NULL. Returns NULL. */
Access *access_free(Access *access);

/* The first thing that a handler does: what is known of the call, good until the handler returns.
 * -EACCES with AccessDenied. */
int access_call(Access *access, sd_bus_message *message, Call **ret, Failure *failure);

/* Whether the caller may. 1: go on. 0: the answer will come; return 1. -EACCES with AccessDenied or
 * InteractiveAuthorizationRequired; -ESTALE with Stale; -EUSERS with LimitsExceeded; -ENOMEM. */
int access_check(Access *access, Call *call, const AccessRequest *request, Failure *failure);

/* Whether they might (a dry run): no person is asked, and nothing is refused. 1: *ret. Otherwise as
 * access_check(). */
int access_query(Access *access, Call *call, const AccessRequest *request, AccessAnswer *ret,
                Failure *failure);

/* For a handler with much to look at before it knows what to ask: whether it may ask anything now.
 * -EUSERS with LimitsExceeded. */
static inline int access_may_ask(Call *call, Failure *failure) {
        return call_subject(call)->uid == 0 ? 0 : authorization_open(&call->authorization, failure);
}

/* The caller's own word, before access_check(): a person may be asked, as by the flag of the
 * message. */
static inline void access_let_ask(Call *call, bool interactive) {
        call->authorization.interactive = call->authorization.interactive || interactive;
}

/* Whether the call has been here before: its questions are answered, and it runs again. */
static inline bool access_has_answered(const Call *call) {
        return call->authorization.state == AUTHORIZATION_CONSUMED;
}
