/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The other end of the service's connection, in the test's own loop: the bus, its many callers, and
 * polkit. A real bus lets each user have so many connections and calls; here a caller is a name, so
 * that limits are reached in a moment, and the answers come when the test wants them.
 *
 * A caller's name says who they are: of ":1000.7" the bus tells the uid 1000.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* A call to the service, and how it ended. */
typedef struct FakeCall {
        uint64_t cookie;
        unsigned answers;       /* that came to it: one is right */
        unsigned order;         /* of the answer among those to all calls, from 1 */
        char error[96];         /* its name; "": it succeeded */
        sd_bus_message *answer; /* with what it hands over, until the bus is left */
} FakeCall;

/* A question to polkit that is not answered yet. */
typedef struct FakeCheck {
        sd_bus_message *question;
        char caller[32];
        bool interactive;
} FakeCheck;

typedef struct FakeBus {
        sd_event *event;
        sd_bus *service; /* the service's end */
        sd_bus *other;
        bool silent;           /* who calls is not said before fake_bus_speak() */
        bool hides_uid;        /* what is said of who calls is without the uid */
        const char *ignorance; /* the error that is the answer to who calls; NULL: none */
        sd_bus_message *unsaid[2048];
        size_t n_unsaid, n_said; /* questions about callers: held back, and all that came */
        FakeCall calls[8192];
        size_t n_calls;
        unsigned n_answers, n_cancelled; /* to all calls; questions that polkit need not answer */
        FakeCheck checks[8192]; /* as they came, answered ones too (then without a question) */
        size_t n_checks;
} FakeBus;

/* Both ends, and the loop; the service's end has said Hello. */
void fake_bus_enter(FakeBus *bus);

/* The service's end must not be used any more. */
void fake_bus_leave(FakeBus *bus);

/* Runs the loop until nothing has happened for so long. */
void fake_bus_run(FakeBus *bus, unsigned quiet_msec);

/* A call of a caller, to be filled and sent. */
sd_bus_message *fake_bus_new_call(FakeBus *bus, const char *caller, const char *path,
                const char *interface, const char *member);

/* Takes the call. What becomes of it is in what it gives, from the loop's next run on. */
const FakeCall *fake_bus_send(FakeBus *bus, sd_bus_message *call);

/* What was held back about callers is said, and from now on at once. */
void fake_bus_speak(FakeBus *bus);

/* Polkit answers a check that it still has. */
void fake_bus_answer(FakeBus *bus, size_t check, bool authorized, bool challenge);

/* The caller's connection has ended. */
void fake_bus_hang_up(FakeBus *bus, const char *caller);

/* Of those without an answer. */
size_t fake_bus_open_checks(const FakeBus *bus);
