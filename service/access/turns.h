/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a call goes to its handler: the users take turns, call by call (access/lines.h). What is
 * there to be read is read before the next turn (bus/read-ahead): who is not in line yet gets no
 * turn.
 */

#include <systemd/sd-bus.h>

#include "access/lines.h"

typedef struct Turns Turns;

/* One call, part of what its owner knows of it. */
typedef struct Turn {
        List link; /* linked: it stands in line, or is on its way to its handler */
        sd_bus_message *call;
} Turn;

/* refuse(): a call whose turn it was cannot be dispatched. The bus must be attached to its loop.
 * -ENOMEM, -errno of sd-event. */
typedef void (*turns_refuse_t)(Turn *turn, int error);
int turns_new(Turns **ret, sd_bus *bus, turns_refuse_t refuse);

/* None may be left. Takes NULL. Returns NULL. */
Turns *turns_free(Turns *turns);

/* Whether nobody stands in line, and nobody is about to: then who has come needs no turn. */
bool turns_are_free(const Turns *turns);

/* Whether the user's line is full: what comes now is refused, and need not be looked at. */
bool turns_are_refused(const Turns *turns, uid_t uid);

/* At the end of the user's line. -EUSERS: it is full. -ENOMEM */
int turns_stand_in_line(Turns *turns, Turn *turn, uid_t uid);

/* Before all lines: it has had its turn, and waited for something. -errno of sd-bus. */
int turns_go_first(Turns *turns, Turn *turn);

/* For whoever sees a call first: the turn that has brought it here, which is over. NULL: it has had
 * none. */
Turn *turns_end(Turns *turns, sd_bus_message *call);

/* Any that is left. NULL: none. */
Turn *turns_take_back(Turns *turns);
