/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who calls: the uid and the groups that the bus vouches for, as they were when the caller
 * connected. Nothing that a client says of itself, nothing read from /proc (a process id can be
 * somebody else's by then). A unique name is never given out again, so what was learnt of one stays
 * true.
 *
 * The bus is asked once about each new name, and the loop never waits for it. A client that is
 * heard to disconnect before it was asked about costs no question: of clients that call and hang up
 * these are nearly all.
 */

#include <systemd/sd-bus.h>

#include "access/credentials.h"
#include "common/failure.h"
#include "common/user.h"
#include "config/config.h"

#define CALLER_NAME_SIZE 32

typedef struct Callers Callers;

typedef enum CallerState {
        CALLER_UNASKED, /* too many questions are open, or more may be read first */
        CALLER_ASKED,
        CALLER_KNOWN,
        CALLER_LEFT, /* the bus, or it cannot be told who they are */
} CallerState;

typedef struct Caller {
        List link;
        List unasked; /* Callers.unasked */
        List calls;   /* Call.of_caller, as they came */
        Callers *callers;
        char name[CALLER_NAME_SIZE];
        CallerState state;
        bool idle;
        unsigned n_calls, held[USER_SLOT_MAX];
        sd_bus_slot *question;
        Credentials credentials;
        User *user; /* held; NULL: not known yet */
        Subject subject;
} Caller;

typedef struct CallersObserver {
        /* r >= 0: it is known who they are. r < 0: it never will be, and *failure is the refusal of
         * their calls; without a kind: they have left, or it is an errno. */
        void (*identified)(Caller *caller, int r, const Failure *failure, void *userdata);
        void (*left)(Caller *caller, void *userdata);
} CallersObserver;

/* The bus must be attached to its loop. -ENOMEM, -errno of sd-event and sd-bus. */
int callers_new(Callers **ret, sd_bus *bus, Users *users, const CallersObserver *observer,
                void *userdata);

/* No call may be left. Takes NULL. Returns NULL. */
Callers *callers_free(Callers *callers);

/* Whether it is a name that a caller can have. NULL: no. */
bool caller_is_name(const char *name);

/* NULL: it is not known, and nobody has asked. */
Caller *caller_find(const Callers *callers, const char *name);

/* Of one who is not there yet; the bus will be asked. Holds them. -ENOMEM */
int caller_new(Callers *callers, const char *name, Caller **ret);

/* They have a call here, and are remembered as long as they do, however many others call. */
void caller_hold(Caller *caller);

/* Once for each caller_new() and caller_hold(). */
void caller_release(Caller *caller);
