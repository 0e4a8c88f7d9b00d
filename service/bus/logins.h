/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which users are logged in, according to systemd-logind: whether they have a session of class
 * "user" that is not closing. Knows uids and sessions, and not what they are wanted for.
 *
 * Of each user one session that counts is remembered. As long as that one is there, other logins
 * and logouts do not matter; when anything happens to it, logind is asked again. So a flood of
 * logins costs nothing, and changes of one session are coalesced. logind reports the end of a
 * session but not that it is closing, which it can be for days, while a process that was left
 * behind is in its scope; systemd reports a change of the scope at that moment.
 *
 * Nobody is declared logged out because logind does not answer: then it is asked again later, or
 * when it is back.
 *
 * Source: org.freedesktop.login1(5); logind-session.c, session_stop().
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "common/removal.h"

typedef struct Logins Logins;

/* logins_ask() tells its waiters these, beside 0 and -ECANCELED (the service is stopping). */
#define LOGINS_NO_SESSION ENODATA
#define LOGINS_NO_ANSWER  EHOSTDOWN

/* ended(): the last session of that user has ended; called in the loop. Does not use the bus before
 * somebody is asked about. -ENOMEM, -errno of sd-event. */
typedef void (*logins_ended_t)(uid_t uid, void *userdata);
int logins_new(Logins **ret, sd_bus *bus, logins_ended_t ended, void *userdata);

/* Waiters are told -ECANCELED. Takes NULL. Returns NULL. */
Logins *logins_free(Logins *logins);

/* Whether the user is known to be logged in. Then ended() will be called for them. */
bool logins_has_session(const Logins *logins, uid_t uid);

/* Asks whether the user is logged in: the RemovalWaiters of the list are told 0,
 * -LOGINS_NO_SESSION, or -LOGINS_NO_ANSWER. NULL: out of memory. */
List *logins_ask(Logins *logins, uid_t uid);

/* ended() is to be called for the user, whether they are logged in or not. -ENOMEM */
int logins_follow(Logins *logins, uid_t uid);
