/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The other end of the service's connection, in the test's own loop: the bus, its many callers, and
 * polkit. A real bus limits each user's connections and calls; here a caller is a name, so that
 * limits are reached in a moment, and the replies come when the test wants them. The name of a
 * caller says whose it is: for ":1000.7" the bus reports the uid 1000.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* A call to the service, and how it ended. */
typedef struct FakeCall {
        uint64_t cookie;
        unsigned answers;       /* that arrived for it: one is right */
        char error[96];         /* its name; "": it succeeded */
        sd_bus_message *answer; /* with the fds in it, until the bus is left */
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
        bool silent;    /* callers are not identified before fake_bus_speak() */
        bool hides_uid; /* credentials are reported without the uid */
        sd_bus_message *unsaid[2048];
        size_t n_unsaid, n_said; /* questions about callers: held back, and all that arrived */
        FakeCall calls[8192];
        size_t n_calls;
        FakeCheck checks[8192]; /* in order, including answered ones (whose question is NULL) */
        size_t n_checks;
} FakeBus;

/* Both ends, and the loop; the service's end has said Hello. */
void fake_bus_enter(FakeBus *bus);

/* The service's end must not be used any more. */
void fake_bus_leave(FakeBus *bus);

/* Runs the loop until nothing has happened for that long. */
void fake_bus_run(FakeBus *bus, unsigned quiet_msec);

/* A call of a caller, to be filled and sent. */
sd_bus_message *fake_bus_new_call(FakeBus *bus, const char *caller, const char *path,
                const char *interface, const char *member);

/* Takes the call. What becomes of it is in the returned FakeCall, from the loop's next run on. */
const FakeCall *fake_bus_send(FakeBus *bus, sd_bus_message *call);

/* The withheld credentials are reported, and from now on at once. */
void fake_bus_speak(FakeBus *bus);

/* Polkit answers a check that it still has. */
void fake_bus_answer(FakeBus *bus, size_t check, bool authorized, bool challenge);

/* The caller's connection has ended. */
void fake_bus_hang_up(FakeBus *bus, const char *caller);

/* The number of those without an answer. */
size_t fake_bus_open_checks(const FakeBus *bus);
