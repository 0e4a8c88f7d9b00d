/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether a caller may. Asking polkit takes a millisecond, or as long as a person thinks; the loop
 * never waits for it. A handler asks and, where the answer is not there yet, returns; when it is
 * there, the same message is dispatched again and the handler runs again from its first line. So
 * everything that was looked at before the question is looked at again after it, nothing is kept in
 * between but the verdict, and an object that is gone meanwhile is simply not found.
 *
 * The verdict belongs to the message and to exactly what was asked: action, details and a stamp. It
 * is good until the call is answered, for half a minute at most: a person who has said yes is not
 * asked again when the call then has to wait for something else. Root is not asked about. Any error
 * means no.
 */

#include <sys/types.h>

#include "access/caller.h"
#include "access/checks.h"
#include "common/failure.h"

typedef struct Authority Authority;

/* callers: who dispatch again. -ENOMEM, -errno of sd-bus and sd-event. The bus must be attached to
 * its loop. */
int authority_new(Authority **ret, sd_bus *bus, Callers *callers);

/* Takes back all questions. Takes NULL. Returns NULL. */
Authority *authority_free(Authority *authority);

/* For a handler with much to look at before it knows what to ask: whether it may ask anything now.
 * >= 0, or -EUSERS with LimitsExceeded, -ENOMEM, -errno of sd-bus. */
int authority_may_ask(Authority *authority, sd_bus_message *call, uid_t uid, Failure *failure);

/* Whether the call has been here before: its questions are answered, and it runs again. */
bool authority_has_answered(const Authority *authority, sd_bus_message *call);

/* 1: *ret is the verdict. 0: it will come; the handler returns 1 when it has asked all its
 * questions. -ESTALE with Stale; -EUSERS with LimitsExceeded; -ENOMEM, -errno of sd-bus: what the
 * handler has asked before is then asked no more. */
int authority_ask(Authority *authority, sd_bus_message *call, uid_t uid,
                const AuthorityQuestion *question, PolkitVerdict *ret, Failure *failure);

/* For a handler that has to run once more when something is over: what was answered stays good. */
void authority_keep(Authority *authority, sd_bus_message *call);

/* For a handler that only tells: the answers were about something that has changed meanwhile, so it
 * looks, and asks, once more. False: it has done so before. */
bool authority_ask_again(Authority *authority, sd_bus_message *call);

/* The caller has left the bus: nobody is asked for them any more. */
void authority_caller_left(Authority *authority, const char *name);

/* The sentence for a verdict that is not yes. -EACCES with AccessDenied or
 * InteractiveAuthorizationRequired. */
int authority_refuse(sd_bus_message *call, const AuthorityQuestion *question, PolkitVerdict verdict,
                Failure *failure);
