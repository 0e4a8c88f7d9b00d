/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/caller.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "bus/read-ahead.h"
#include "bus/signal-match.h"

/* Of those who have no call here; the one who was put aside first is forgotten. */
#define CALLERS_KNOWN 64

/* Open at a time. */
#define QUESTIONS_MAX 32

DEFINE_CLEANUP(Callers, callers_free)

struct Callers {
        sd_bus *bus;
        Users *users;
        void *by_name; /* tsearch(3) */
        List idle;     /* Caller.link, known and without calls */
        List busy;     /* Caller.link, the others */
        List unasked;  /* Caller.unasked, as they came */
        ReadAhead *ask;
        unsigned n_idle, n_questions;
        SignalMatch *departures;
        const CallersObserver *observer;
        void *userdata;
};

static int compare_names(const void *a, const void *b) {
        const Caller *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static void end_question(Caller *caller) {
        if (!caller->question)
                return;
        caller->question = sd_bus_slot_unref(caller->question);
        caller->callers->n_questions--;
        read_ahead_schedule(caller->callers->ask);
}

static void caller_free(Caller *caller) {
        end_question(caller);
        list_unlink(&caller->link);
        list_unlink(&caller->unasked);
        tdelete(caller, &caller->callers->by_name, compare_names);
        credentials_done(&caller->credentials);
        user_put(caller->user);
        free(caller);
}

bool caller_is_name(const char *name) {
        return name && *name == ':' && strlen(name) < CALLER_NAME_SIZE;
}

Caller *caller_find(const Callers *callers, const char *name) {
        Caller key, **found;

        if (!caller_is_name(name))
                return NULL;
        memcpy(key.name, name, strlen(name) + 1);
        found = tfind(&key, &callers->by_name, compare_names);
        return found ? *found : NULL;
}

void caller_hold(Caller *caller) {
        Callers *callers = caller->callers;

        caller->n_calls++;
        if (!caller->idle)
                return;
        caller->idle = false;
        callers->n_idle--;
        list_unlink(&caller->link);
        list_append(&callers->busy, &caller->link);
}

void caller_release(Caller *caller) {
        Callers *callers = caller->callers;

        if (--caller->n_calls > 0)
                return;
        if (caller->state != CALLER_KNOWN) {
                caller_free(caller);
                return;
        }
        caller->idle = true;
        list_unlink(&caller->link);
        list_append(&callers->idle, &caller->link);
        if (++callers->n_idle <= CALLERS_KNOWN)
                return;
        callers->n_idle--;
        caller_free(container_of(callers->idle.next, Caller, link));
}

/* Held by its caller. */
static void set_known(Caller *caller) {
        const Failure failure = FAILURE_INIT;
        const Credentials *credentials = &caller->credentials;

        caller->user = user_get(caller->callers->users, credentials->uid);
        caller->state = caller->user ? CALLER_KNOWN : CALLER_LEFT;
        caller->subject = (Subject){
                .uid = credentials->uid,
                .groups = credentials->groups,
                .n_groups = credentials->n_groups,
                .groups_unknown = !credentials->tells_groups,
        };
        caller->callers->observer->identified(
                        caller, caller->user ? 0 : -ENOMEM, &failure, caller->callers->userdata);
}

static void set_unknown(Caller *caller, int r, const Failure *failure) {
        caller->state = CALLER_LEFT;
        caller->callers->observer->identified(caller, r, failure, caller->callers->userdata);
}

/* sd-bus's own words for a time-out, and those of a bus. */
static bool is_too_late(sd_bus_message *answer) {
        return sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NO_REPLY) ||
                        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_TIMEOUT) ||
                        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_LIMITS_EXCEEDED) ||
                        sd_bus_message_is_method_error(
                                        answer, "org.freedesktop.DBus.Error.TimedOut");
}

static void read_refusal(Caller *caller, sd_bus_message *answer) {
        Failure failure = FAILURE_INIT;
        int r = -ESRCH;

        if (is_too_late(answer))
                r = failure_set(&failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "The bus is too busy to say who you are. Try again.");
        else if (!sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                r = failure_set(&failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The bus does not say who you are.");
        set_unknown(caller, r, &failure);
}

static void ask_next(void *userdata);

static int on_credentials(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        Caller *caller = userdata;
        Callers *callers = caller->callers;

        caller_hold(caller);
        end_question(caller);
        if (!sd_bus_message_is_method_error(answer, NULL) &&
                        credentials_read(answer, &caller->credentials) >= 0)
                set_known(caller);
        else
                read_refusal(caller, answer);
        caller_release(caller);
        ask_next(callers);
        return 0;
}

/* About as many as there is room for. */
static void ask_next(void *userdata) {
        Callers *callers = userdata;

        while (callers->n_questions < QUESTIONS_MAX && !list_is_empty(&callers->unasked)) {
                Caller *caller = container_of(callers->unasked.next, Caller, unasked);
                int r = credentials_ask(callers->bus, &caller->question, caller->name,
                                on_credentials, caller);

                list_unlink(&caller->unasked);
                if (r >= 0) {
                        caller->state = CALLER_ASKED;
                        callers->n_questions++;
                } else {
                        const Failure failure = FAILURE_INIT;

                        caller_hold(caller);
                        set_unknown(caller, r, &failure);
                        caller_release(caller);
                }
        }
}

static int on_departure(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        Callers *callers = userdata;
        const char *name, *now;
        Caller *caller;

        if (sd_bus_message_read(signal, "sss", &name, NULL, &now) <= 0 || *now != '\0')
                return 0;
        caller = caller_find(callers, name);
        if (!caller)
                return 0;
        caller_hold(caller);
        list_unlink(&caller->unasked);
        end_question(caller);
        caller->state = CALLER_LEFT;
        callers->observer->left(caller, callers->userdata);
        caller_release(caller);
        return 0;
}

int callers_new(Callers **ret, sd_bus *bus, Users *users, const CallersObserver *observer,
                void *userdata) {
        _cleanup_(callers_freep) Callers *callers = calloc(1, sizeof(Callers));
        int r;

        if (!callers)
                return -ENOMEM;
        callers->bus = bus;
        callers->users = users;
        callers->observer = observer;
        callers->userdata = userdata;
        list_init(&callers->idle);
        list_init(&callers->busy);
        list_init(&callers->unasked);
        r = read_ahead_new(&callers->ask, bus, ask_next, callers);
        if (r >= 0)
                /* One match for all callers: a bus lets nobody have many, and one for each call
                 * would cost more than it saves. */
                r = signal_match_departures(&callers->departures, bus, on_departure, callers);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(callers);
        return 0;
}

Callers *callers_free(Callers *callers) {
        if (!callers)
                return NULL;
        signal_match_free(callers->departures);
        LIST_FOREACH_SAFE(&callers->idle, node)
                caller_free(container_of(node, Caller, link));
        read_ahead_free(callers->ask);
        free(callers);
        return NULL;
}

int caller_new(Callers *callers, const char *name, Caller **ret) {
        Caller *caller = calloc(1, sizeof(Caller));

        if (!caller)
                return -ENOMEM;
        memcpy(caller->name, name, strlen(name) + 1);
        caller->callers = callers;
        caller->n_calls = 1;
        list_init(&caller->calls);
        list_init(&caller->link);
        list_init(&caller->unasked);
        if (!tsearch(caller, &callers->by_name, compare_names)) {
                free(caller);
                return -ENOMEM;
        }
        list_append(&callers->busy, &caller->link);
        list_append(&callers->unasked, &caller->unasked);
        read_ahead_schedule(callers->ask);
        *ret = caller;
        return 0;
}
