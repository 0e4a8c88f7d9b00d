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
 * Verdicts come as in access/authorization.h: a handler may run twice. Each decision is audited
 * once.
 */

#include "access/audit.h"
#include "access/caller.h"
#include "access/policy.h"
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
        ACCESS_NO,
        ACCESS_NOT_CONFIGURED, /* no, by the configuration */
        ACCESS_CHALLENGE,      /* a person would be asked */
        ACCESS_YES,
        ACCESS_ANSWER_MAX,
} AccessAnswer;

/* The audit stays the caller's. The bus must be attached to its loop. -ENOMEM, -errno of sd-bus and
 * sd-event. */
int access_new(Access **ret, sd_bus *bus, Audit *audit, const AccessHost *host, void *userdata);

/* Takes back what polkit was asked; calls that wait for an answer of it are told that the service
 * is stopping. Before whoever dispatches calls again is freed. Takes NULL. */
void access_stop(Access *access);

/* After them, and before the bus is closed: the other calls that wait are told the same. Takes
 * NULL. Returns NULL. */
Access *access_free(Access *access);

/* The first thing that a handler does: who calls? Good until the handler returns. -EACCES with
 * AccessDenied. */
int access_subject(Access *access, sd_bus_message *call, Subject *ret, Failure *failure);

/* Whether the caller may. 1: go on. 0: the answer will come; return 1. -EACCES with AccessDenied or
 * InteractiveAuthorizationRequired; -ESTALE with Stale; -EUSERS with LimitsExceeded; -ENOMEM,
 * -errno of sd-bus. */
int access_check(Access *access, sd_bus_message *call, const Subject *subject,
                const AccessRequest *request, Failure *failure);

/* Whether they might (a dry run): no person is asked, and nothing is refused. 1: *ret. Otherwise as
 * access_check(). */
int access_query(Access *access, sd_bus_message *call, const Subject *subject,
                const AccessRequest *request, AccessAnswer *ret, Failure *failure);

/* For a handler with much to look at before it knows what to ask: whether it may ask anything now.
 * >= 0, or as access_check(). */
int access_may_ask(Access *access, sd_bus_message *call, const Subject *subject, Failure *failure);

/* Whether the call has been here before: its questions are answered, and it runs again. */
bool access_has_answered(const Access *access, sd_bus_message *call);

/* For a dry run: the answers were about something that has changed meanwhile, so it looks, and
 * asks, once more. False: it has done so before. */
bool access_ask_again(Access *access, sd_bus_message *call);

/* For a handler that has to run once more when something is over: what was answered stays good. */
void access_keep(Access *access, sd_bus_message *call);

/* Then: the call goes to its handler again. -ENOMEM, -errno of sd-bus. */
int access_dispatch_again(Access *access, sd_bus_message *call);
