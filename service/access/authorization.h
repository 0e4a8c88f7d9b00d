/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What polkit says of a call. Asking takes a millisecond, or as long as a person thinks; the loop
 * never waits for it. A handler asks and, where the answer is not there yet, returns; when all that
 * it asked is answered, the same message is dispatched again and the handler runs again from its
 * first line. So everything that was looked at before the question is looked at again after it,
 * nothing is kept in between but the verdicts, and an object that is gone meanwhile is simply not
 * found.
 *
 * A verdict belongs to the message and to exactly what was asked: action, details and generation.
 * It is consumed by the run after it, or, if the call then has to wait for something else, good for
 * half a minute: a person who has said yes is not asked again. Any error means no.
 *
 * The checks of one call are sent side by side, and users take turns. Password prompts can be
 * abused to harass administrators: so nobody is asked before polkit has said that a person would
 * have to be, nor for a call that would be refused whatever they answer; the prompts of one call
 * are shown one after the other, and with the first that is not granted the rest are not shown.
 */

#include "access/caller.h"
#include "bus/polkit-client.h"
#include "common/failure.h"

typedef struct AuthorizationQuestion {
        PolkitQuestion polkit;
        uint64_t generation; /* of what it is about: a verdict about another one is void */
        bool may_ask;        /* a person, where the caller allows it */
} AuthorizationQuestion;

typedef struct Authorizations Authorizations;

typedef enum AuthorizationState {
        AUTHORIZATION_NONE,
        AUTHORIZATION_OPEN,     /* questions may be added, or are not answered yet */
        AUTHORIZATION_DECIDED,  /* for the next run */
        AUTHORIZATION_CONSUMED, /* by a run, which is going on or ended with the call blocked */
} AuthorizationState;

/* Of one call, part of what its owner knows of it. */
typedef struct Authorization {
        AuthorizationState state;
        bool asked_again;
        bool interactive; /* the caller lets a person be asked; set before anything is asked */
        unsigned open;    /* checks without a verdict */
        List checks;      /* PolkitCheck.link */
        Authorizations *all;
        Caller *caller;
        UserCharge charge;
        sd_event_source *agent_ends; /* the caller has left, their agent may be leaving too */
        uint64_t decided_at;         /* µs of CLOCK_MONOTONIC */
} Authorization;

/* decided(): all is answered; or the caller has left, and there is nothing to wait for any more. It
 * may undo the authorization. The bus must be attached to its loop. -ENOMEM */
typedef void (*authorization_decided_t)(Authorization *authorization);
int authorizations_new(Authorizations **ret, sd_bus *bus, authorization_decided_t decided);

/* No authorization may be left. Takes NULL. Returns NULL. */
Authorizations *authorizations_free(Authorizations *all);

/* Sends what may be sent: not from within a handler, but right after it. */
void authorizations_send(Authorizations *all);

/* caller: stays the owner's, who has it for longer. message: the call, whose flag says whether a
 * person may be asked. */
void authorization_init(Authorization *authorization, Authorizations *all, Caller *caller,
                sd_bus_message *message);

/* Takes back what is asked, forgets what was answered. */
void authorization_reset(Authorization *authorization);

/* For a handler with much to look at before it knows what to ask: whether it may ask anything.
 * -EUSERS with LimitsExceeded. */
int authorization_open(Authorization *authorization, Failure *failure);

/* 1: *ret is the verdict. 0: it will come. -ESTALE with Stale; -EUSERS with LimitsExceeded,
 * -ENOMEM: what was asked before is then asked no more. */
int authorization_ask(Authorization *authorization, const AuthorizationQuestion *question,
                PolkitVerdict *ret, Failure *failure);

/* A run begins: verdicts that are for it are consumed, outdated ones are void. */
void authorization_consume(Authorization *authorization);

/* For a handler that only tells: the answers were about something that has changed meanwhile, so it
 * looks, and asks, once more. False: it has done so before. */
bool authorization_ask_again(Authorization *authorization);

/* The caller has left the bus. True: a prompt is left to their agent, which may be leaving too;
 * decided() will be called. False: nothing keeps the call. */
bool authorization_is_left_to_agent(Authorization *authorization);

/* The sentence for a verdict that is not yes. -EACCES with AccessDenied or
 * InteractiveAuthorizationRequired. */
int authorization_refuse(const Authorization *authorization, const AuthorizationQuestion *question,
                PolkitVerdict verdict, Failure *failure);
