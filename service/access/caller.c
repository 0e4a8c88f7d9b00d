/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/caller.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <string.h>

#include "access/credentials.h"
#include "access/turns.h"
#include "bus/bus-cleanup.h"
#include "bus/message-size.h"
#include "bus/read-ahead.h"
#include "bus/signal-match.h"
#include "common/bus-error.h"
#include "common/log.h"

#define CALLER_NAME_SIZE 32

/* Of those who have no call here; the one that was learnt of first is forgotten. */
#define CALLERS_KNOWN 64

#define ASKING_PER_CALLER 128
#define ASKING_MAX        1024

/* Open at a time. A caller who leaves before being asked about costs no question: of clients that
 * call and hang up these are nearly all. */
#define QUESTIONS_MAX 32

DEFINE_CLEANUP(Callers, callers_free)

struct Callers {
        sd_bus *bus;
        Turns *turns;
        void *by_name; /* tsearch(3) */
        List idle;     /* Caller.link, known and without calls */
        List busy;     /* Caller.link, the others */
        List unasked;  /* Caller.unasked, as they came */
        ReadAhead *ask;
        unsigned n_idle, n_asking, n_questions;
        SignalMatch *departures;
        callers_left_t on_left;
        void *userdata;
};

struct Caller {
        List link;
        List asking;  /* Waiting.link, as they came, until the question is answered */
        List unasked; /* Callers.unasked: too many questions are open */
        Callers *callers;
        char name[CALLER_NAME_SIZE];
        sd_bus_slot *question; /* NULL: it is answered, or was not asked yet */
        Credentials credentials;
        unsigned n_calls; /* that wait here, and that callers_hold() was called for */
        bool idle;
        bool left; /* the bus: its calls that still wait are dropped when their turn comes */
};

/* A call that is kept until the question is answered, then until it is its turn, then until it has
 * been dispatched again. */
typedef struct Waiting {
        Turn turn; /* its link is in Caller.asking before */
        Caller *caller;
        bool asking;
} Waiting;

static int compare_names(const void *a, const void *b) {
        const Caller *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static Waiting *waiting_of(List *node) {
        return container_of(container_of(node, Turn, link), Waiting, turn);
}

static void waiting_free(Waiting *waiting) {
        list_unlink(&waiting->turn.link);
        waiting->caller->n_calls--;
        waiting->caller->callers->n_asking -= waiting->asking;
        sd_bus_message_unref(waiting->turn.call);
        free(waiting);
}

static void caller_free(Caller *caller) {
        LIST_FOREACH_SAFE(&caller->asking, node)
                waiting_free(waiting_of(node));
        list_unlink(&caller->link);
        list_unlink(&caller->unasked);
        tdelete(caller, &caller->callers->by_name, compare_names);
        caller->callers->n_questions -= caller->question != NULL;
        sd_bus_slot_unref(caller->question);
        credentials_done(&caller->credentials);
        free(caller);
}

static bool is_known(const Caller *caller) {
        return !caller->question && list_is_empty(&caller->unasked);
}

static void set_busy(Caller *caller) {
        if (caller->idle)
                caller->callers->n_idle--;
        caller->idle = false;
        list_unlink(&caller->link);
        list_append(&caller->callers->busy, &caller->link);
}

/* After one of its calls has gone. */
static void settle(Caller *caller) {
        Callers *callers = caller->callers;

        if (!is_known(caller) || caller->n_calls > 0 || caller->idle)
                return;
        if (caller->left) {
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

/* NULL: out of memory. */
static Waiting *keep(Caller *caller, sd_bus_message *call) {
        Waiting *waiting = calloc(1, sizeof(Waiting));

        if (!waiting)
                return NULL;
        waiting->caller = caller;
        waiting->turn.call = sd_bus_message_ref(call);
        list_init(&waiting->turn.link);
        caller->n_calls++;
        set_busy(caller);
        return waiting;
}

static void refuse(Waiting *waiting, int error, const Failure *failure) {
        _cleanup_(sd_bus_error_free) sd_bus_error answer = SD_BUS_ERROR_NULL;
        int r;

        error_answer(&answer, failure, error);
        r = sd_bus_reply_method_error(waiting->turn.call, &answer);
        if (r < 0)
                log_warning("Cannot refuse a call that waited: %s", strerror(-r));
        waiting_free(waiting);
}

static void refuse_all(List *calls, int error, const Failure *failure) {
        LIST_FOREACH_SAFE(calls, node)
                refuse(waiting_of(node), error, failure);
}

static int too_many(Failure *failure) {
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many of your calls wait for their turn. Try again when some have been answered.");
}

/* -EUSERS, -ENOMEM: it stands nowhere. */
static int stand_in_line(Waiting *waiting, Failure *failure) {
        Callers *callers = waiting->caller->callers;
        int r;

        list_unlink(&waiting->turn.link);
        r = turns_stand_in_line(callers->turns, &waiting->turn, waiting->caller->credentials.uid);
        if (r < 0)
                return r == -EUSERS ? too_many(failure) : r;
        callers->n_asking -= waiting->asking;
        waiting->asking = false;
        return 0;
}

static void on_failed_turn(Turn *turn, int error) {
        Waiting *waiting = container_of(turn, Waiting, turn);
        const Failure failure = FAILURE_INIT;
        Caller *caller = waiting->caller;

        refuse(waiting, error, &failure);
        settle(caller);
}

/* NULL: not known, or not a name that can be. */
static Caller *find_caller(const Callers *callers, const char *name) {
        Caller key, **found;

        if (!name || *name != ':' || strlen(name) >= CALLER_NAME_SIZE)
                return NULL;
        memcpy(key.name, name, strlen(name) + 1);
        found = tfind(&key, &callers->by_name, compare_names);
        return found ? *found : NULL;
}

static int on_credentials(sd_bus_message *answer, void *userdata, sd_bus_error *error);

/* About as many as there is room for. */
static void ask_next(void *userdata) {
        Callers *callers = userdata;

        while (callers->n_questions < QUESTIONS_MAX && !list_is_empty(&callers->unasked)) {
                Caller *caller = container_of(callers->unasked.next, Caller, unasked);
                int r = credentials_ask(callers->bus, &caller->question, caller->name,
                                on_credentials, caller);

                if (r < 0) {
                        const Failure failure = FAILURE_INIT;

                        refuse_all(&caller->asking, r, &failure);
                        caller_free(caller);
                        continue;
                }
                list_unlink(&caller->unasked);
                callers->n_questions++;
        }
}

/* Nothing more is done for a caller who has left. Calls that wait elsewhere, for an endpoint to
 * end, are identified again before they continue. */
static void forget_departed(Callers *callers, const char *name) {
        Caller *caller = find_caller(callers, name);

        if (!caller)
                return;
        if (!is_known(caller) || caller->idle) {
                callers->n_idle -= caller->idle;
                caller_free(caller);
                read_ahead_schedule(callers->ask);
        } else
                caller->left = true;
}

static int on_departure(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        Callers *callers = userdata;
        const char *name, *now;

        if (sd_bus_message_read(signal, "sss", &name, NULL, &now) <= 0 || *now != '\0')
                return 0;
        forget_departed(callers, name);
        callers->on_left(name, callers->userdata);
        return 0;
}

int callers_new(Callers **ret, sd_bus *bus, callers_left_t left, void *userdata) {
        _cleanup_(callers_freep) Callers *callers = calloc(1, sizeof(Callers));
        int r;

        if (!callers)
                return -ENOMEM;
        callers->bus = bus;
        callers->on_left = left;
        callers->userdata = userdata;
        list_init(&callers->idle);
        list_init(&callers->busy);
        list_init(&callers->unasked);
        r = turns_new(&callers->turns, bus, on_failed_turn);
        if (r >= 0)
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
        Failure failure = FAILURE_INIT;
        Turn *turn;

        if (!callers)
                return NULL;
        signal_match_free(callers->departures);
        failure_set(&failure, FAILURE_KERNEL, ECANCELED,
                        "The service is stopping; the call was not carried out. Try again.");
        while (callers->turns && (turn = turns_take_back(callers->turns)))
                refuse(container_of(turn, Waiting, turn), -ECANCELED, &failure);
        LIST_FOREACH_SAFE(&callers->busy, node) {
                Caller *caller = container_of(node, Caller, link);

                refuse_all(&caller->asking, -ECANCELED, &failure);
                caller_free(caller);
        }
        LIST_FOREACH_SAFE(&callers->idle, node)
                caller_free(container_of(node, Caller, link));
        turns_free(callers->turns);
        read_ahead_free(callers->ask);
        free(callers);
        return NULL;
}

static void let_pass(Caller *caller) {
        LIST_FOREACH_SAFE(&caller->asking, node) {
                Waiting *waiting = waiting_of(node);
                Failure failure = FAILURE_INIT;
                int r = stand_in_line(waiting, &failure);

                if (r < 0)
                        refuse(waiting, r, &failure);
        }
        settle(caller);
}

/* sd-bus's own words for a time-out, and those of a bus. */
static bool is_too_late(sd_bus_message *answer) {
        return sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NO_REPLY) ||
                        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_TIMEOUT) ||
                        sd_bus_message_is_method_error(answer, SD_BUS_ERROR_LIMITS_EXCEEDED) ||
                        sd_bus_message_is_method_error(
                                        answer, "org.freedesktop.DBus.Error.TimedOut");
}

/* Whoever has left waits for no answer. */
static void refuse_unknown(Caller *caller, sd_bus_message *answer) {
        Failure failure = FAILURE_INIT;

        if (is_too_late(answer)) {
                failure_set(&failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "The bus is too busy to say who you are. Try again.");
                refuse_all(&caller->asking, -EUSERS, &failure);
        } else if (!sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
                failure_set(&failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The bus does not say who you are.");
                refuse_all(&caller->asking, -EACCES, &failure);
        }
        caller_free(caller);
}

static int on_credentials(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        Caller *caller = userdata;
        Callers *callers = caller->callers;

        caller->question = sd_bus_slot_unref(caller->question);
        callers->n_questions--;
        if (!sd_bus_message_is_method_error(answer, NULL) &&
                        credentials_read(answer, &caller->credentials) >= 0)
                let_pass(caller);
        else
                refuse_unknown(caller, answer);
        ask_next(callers);
        return 0;
}

/* name: known to fit. -ENOMEM */
static int make_caller(Callers *callers, const char *name, Caller **ret) {
        Caller *caller = calloc(1, sizeof(Caller));

        if (!caller)
                return -ENOMEM;
        memcpy(caller->name, name, strlen(name) + 1);
        caller->callers = callers;
        caller->credentials.uid = (uid_t)-1;
        list_init(&caller->asking);
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

/* n_calls: of his, that wait already. -EUSERS */
static int check_room_to_ask(const Callers *callers, unsigned n_calls, Failure *failure) {
        /* The fuller it is, the fewer calls of one caller there may be: so many connections have to
         * come together to keep a new one out. */
        if (n_calls < ASKING_PER_CALLER && callers->n_asking + 7 * n_calls < ASKING_MAX)
                return 0;
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many calls wait for the bus to say who makes them. Try again when some have been answered.");
}

/* -ENOMEM */
static int keep_until_known(Caller *caller, sd_bus_message *call) {
        Waiting *waiting = keep(caller, call);

        if (!waiting)
                return -ENOMEM;
        waiting->asking = true;
        caller->callers->n_asking++;
        list_append(&caller->asking, &waiting->turn.link);
        return 0;
}

/* caller: NULL: it is their first call. The bus is not asked about callers who would be refused
 * whatever it says. */
static int meet_unknown(Callers *callers, Caller *caller, sd_bus_message *call, Failure *failure) {
        const bool is_new = !caller;
        int r = check_room_to_ask(callers, is_new ? 0 : caller->n_calls, failure);

        if (r >= 0 && is_new)
                r = make_caller(callers, sd_bus_message_get_sender(call), &caller);
        if (r < 0)
                return r;
        r = keep_until_known(caller, call);
        if (r < 0 && is_new)
                caller_free(caller);
        return r;
}

static bool has_had_its_turn(Callers *callers, sd_bus_message *call) {
        Turn *turn = turns_end(callers->turns, call);
        Caller *caller;

        if (!turn)
                return false;
        caller = container_of(turn, Waiting, turn)->caller;
        waiting_free(container_of(turn, Waiting, turn));
        settle(caller);
        return true;
}

static int meet_known(Caller *caller, sd_bus_message *call, Failure *failure) {
        Waiting *waiting = keep(caller, call);
        int r;

        if (!waiting)
                return -ENOMEM;
        r = stand_in_line(waiting, failure);
        if (r < 0) {
                waiting_free(waiting);
                settle(caller);
        }
        return r;
}

static int no_sender(Failure *failure) {
        return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES, "The call has no sender.");
}

int callers_meet(Callers *callers, sd_bus_message *call, Failure *failure) {
        const char *name = sd_bus_message_get_sender(call);
        Caller *caller = find_caller(callers, name);
        const bool left = caller && caller->left;
        int r;

        if (!name || *name != ':' || strlen(name) >= CALLER_NAME_SIZE)
                return no_sender(failure);
        if (caller && has_had_its_turn(callers, call))
                return !left;
        if (left)
                return 0;
        if (caller && is_known(caller) &&
                        turns_are_refused(callers->turns, caller->credentials.uid))
                return sd_bus_message_get_expect_reply(call) ? too_many(failure) : 0;
        r = message_check_size(call, failure);
        if (r < 0)
                return r;
        if (!caller || !is_known(caller))
                return meet_unknown(callers, caller, call, failure);
        return turns_are_free(callers->turns) ? 1 : meet_known(caller, call, failure);
}

int callers_dispatch_again(Callers *callers, sd_bus_message *call) {
        Caller *caller = find_caller(callers, sd_bus_message_get_sender(call));
        Waiting *waiting;
        int r;

        /* Who was forgotten is asked about again, and the call waits for that as his others do. */
        if (!caller || !is_known(caller) || caller->left) {
                r = sd_bus_message_rewind(call, true);
                return r < 0 ? r : sd_bus_enqueue_for_read(callers->bus, call);
        }
        waiting = keep(caller, call);
        if (!waiting)
                return -ENOMEM;
        r = turns_go_first(callers->turns, &waiting->turn);
        if (r < 0) {
                waiting_free(waiting);
                settle(caller);
        }
        return r;
}

Caller *callers_hold(Callers *callers, sd_bus_message *call) {
        Caller *caller = find_caller(callers, sd_bus_message_get_sender(call));

        if (!caller)
                return NULL;
        caller->n_calls++;
        set_busy(caller);
        return caller;
}

Caller *callers_let_go(Caller *caller) {
        if (!caller)
                return NULL;
        caller->n_calls--;
        settle(caller);
        return NULL;
}

int callers_find(const Callers *callers, sd_bus_message *call, Subject *ret, Failure *failure) {
        const Caller *caller = find_caller(callers, sd_bus_message_get_sender(call));

        if (!caller || !is_known(caller))
                return no_sender(failure);
        *ret = (Subject){
                .uid = caller->credentials.uid,
                .groups = caller->credentials.groups,
                .n_groups = caller->credentials.n_groups,
                .groups_unknown = !caller->credentials.tells_groups,
        };
        return 0;
}
