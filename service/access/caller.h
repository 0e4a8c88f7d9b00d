/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who calls: the uid and the groups that the bus vouches for, as they were when the caller
 * connected. Nothing that a client says of itself, nothing read from /proc (a process id can be
 * somebody else's by then). A unique name is never given out again, so what was learnt of one stays
 * true.
 *
 * The bus is asked once about each new name, and the loop never waits for it: the call is kept
 * before any handler has seen it, and dispatched when the answer is there, as are those that the
 * caller made meanwhile, in the order in which they came. A caller who hung up in between is
 * unknown to the bus: then nothing is done for them. A client that is heard to disconnect before it
 * was asked about costs no question. Of a caller who leaves while calls of theirs wait for a turn
 * these are dropped.
 *
 * Of several who call at the same time the users take turns (access/turns.h): beside one who
 * calls as fast as they can, the others wait for one call of theirs each.
 */

#include <systemd/sd-bus.h>

#include "common/failure.h"
#include "config/config.h"

typedef struct Callers Callers;
typedef struct Caller Caller;

/* left(): any name has left the bus. The bus must be attached to its loop. -ENOMEM, -errno of
 * sd-event and sd-bus. */
typedef void (*callers_left_t)(const char *name, void *userdata);
int callers_new(Callers **ret, sd_bus *bus, callers_left_t left, void *userdata);

/* Calls that are kept are told that the service is stopping. Takes NULL. Returns NULL. */
Callers *callers_free(Callers *callers);

/* For whoever sees a call first, each time that it is dispatched. 1: it is known who calls, until
 * the call's handler returns. 0: the call is kept, and will be dispatched again or dropped; leave
 * it alone. -EACCES with AccessDenied: it has no sender. -EMSGSIZE with InvalidArgs: it is too
 * large. -EUSERS with LimitsExceeded: too many calls of the user, or of unknown callers, are kept.
 * -ENOMEM, -errno of sd-bus. */
int callers_meet(Callers *callers, sd_bus_message *call, Failure *failure);

/* A call that callers_meet() has let pass, and that waited for something, goes to its handler again
 * from its first line. It has had its turn and stands in no line. -ENOMEM, -errno of sd-bus. */
int callers_dispatch_again(Callers *callers, sd_bus_message *call);

/* In the handler of a call that will wait for something: who makes it is known until
 * callers_let_go(), however many others call meanwhile. Otherwise the call would be a stranger's
 * when it comes back, and could be refused, with what it has waited for. NULL: it is not such a
 * call. */
Caller *callers_hold(Callers *callers, sd_bus_message *call);

/* Once for each callers_hold(). Takes NULL. Returns NULL. */
Caller *callers_let_go(Caller *caller);

/* Of a call that callers_meet() has let pass. The groups stay ours and are good until its handler
 * returns. -EACCES with AccessDenied: it is not such a call. */
int callers_find(const Callers *callers, sd_bus_message *call, Subject *ret, Failure *failure);
