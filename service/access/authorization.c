/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/authorization.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

/* How long a verdict is good for a call that has to wait for something else: an older one may be
 * about a right that was withdrawn. */
#define KEPT_USEC (30 * UINT64_C(1000000))

#define LOG_FAILURE_USEC (5 * UINT64_C(1000000))

/* The agent of a terminal ends with its caller, and polkit then answers by itself. Told to cancel
 * while the agent's end reaches it, polkitd hangs for good (122 with GLib 2.74: each of two threads
 * waits for what the other holds). */
#define AGENT_ENDS_USEC (UINT64_C(500000))

struct Authorizations {
        sd_bus *bus;
        authorization_decided_t decided;
        FairQueue unsent; /* PolkitCheck.unsent */
        uint64_t last_id;
        uint64_t log_failure_at; /* µs of CLOCK_MONOTONIC: before, it is not logged again */
};

typedef enum CheckState {
        CHECK_UNSENT,
        CHECK_SENT,
        CHECK_PROMPTING, /* sent again: polkit may ask a person */
        CHECK_ANSWERED,
        CHECK_PROMPTED,         /* likewise, and a person had been asked */
        CHECK_TOO_MANY_PROMPTS, /* likewise, and a person could not be asked */
} CheckState;

typedef struct PolkitCheck {
        List link; /* Authorization.checks */
        List unsent;
        Authorization *authorization;
        AuthorizationQuestion question;
        CheckState state;
        PolkitVerdict verdict;
        UserCharge charge, sent;
        sd_bus_slot *slot;
        uint64_t id; /* by which it can be taken back */
} PolkitCheck;

static bool is_sent(const PolkitCheck *check) {
        return check->state == CHECK_SENT || check->state == CHECK_PROMPTING;
}

static void check_free(PolkitCheck *check) {
        list_unlink(&check->link);
        list_unlink(&check->unsent);
        if (is_sent(check))
                polkit_cancel(check->authorization->all->bus, check->id);
        user_charge_done(&check->sent);
        user_charge_done(&check->charge);
        sd_bus_slot_unref(check->slot);
        free(check);
}

int authorizations_new(Authorizations **ret, sd_bus *bus, authorization_decided_t decided) {
        Authorizations *all = calloc(1, sizeof(Authorizations));

        if (!all)
                return -ENOMEM;
        all->bus = bus;
        all->decided = decided;
        fair_queue_init(&all->unsent, USER_LINE_CHECKS);
        *ret = all;
        return 0;
}

Authorizations *authorizations_free(Authorizations *all) {
        if (!all)
                return NULL;
        fair_queue_done(&all->unsent);
        free(all);
        return NULL;
}

void authorization_init(Authorization *authorization, Authorizations *all, Caller *caller,
                sd_bus_message *message) {
        *authorization = (Authorization){
                .all = all,
                .caller = caller,
                .interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0,
        };
        list_init(&authorization->checks);
}

static void free_checks(Authorization *authorization) {
        LIST_FOREACH_SAFE(&authorization->checks, node)
                check_free(container_of(node, PolkitCheck, link));
        authorization->open = 0;
}

void authorization_reset(Authorization *authorization) {
        free_checks(authorization);
        user_charge_done(&authorization->charge);
        authorization->agent_ends = sd_event_source_disable_unref(authorization->agent_ends);
        authorization->state = AUTHORIZATION_NONE;
        authorization->asked_again = false;
}

void authorization_consume(Authorization *authorization) {
        const uint64_t age = clock_now_usec() - authorization->decided_at;

        if (authorization->state == AUTHORIZATION_CONSUMED && age >= KEPT_USEC)
                authorization_reset(authorization);
        else if (authorization->state == AUTHORIZATION_DECIDED)
                authorization->state = AUTHORIZATION_CONSUMED;
}

bool authorization_ask_again(Authorization *authorization) {
        if (authorization->asked_again)
                return false;
        free_checks(authorization);
        if (authorization->state != AUTHORIZATION_NONE)
                authorization->state = AUTHORIZATION_OPEN;
        authorization->asked_again = true;
        return true;
}

static bool questions_equal(const PolkitQuestion *a, const PolkitQuestion *b) {
        if (strcmp(a->action, b->action) != 0)
                return false;
        for (size_t i = 0; i < POLKIT_DETAILS_MAX; i++) {
                if (!a->details[i].key || !b->details[i].key)
                        return a->details[i].key == b->details[i].key;
                if (strcmp(a->details[i].key, b->details[i].key) != 0 ||
                                strcmp(a->details[i].value, b->details[i].value) != 0)
                        return false;
        }
        return true;
}

static const PolkitCheck *find_check(
                const Authorization *authorization, const PolkitQuestion *question) {
        LIST_FOREACH(&authorization->checks, node) {
                const PolkitCheck *check = container_of(node, PolkitCheck, link);

                if (questions_equal(&check->question.polkit, question))
                        return check;
        }
        return NULL;
}

static int read_verdict(const Authorization *authorization, const AuthorizationQuestion *question,
                PolkitVerdict *ret, Failure *failure) {
        const PolkitCheck *check = find_check(authorization, &question->polkit);

        if (!check || check->question.generation != question->generation)
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "What the question was about has changed while it was open. Ask again.");
        if (check->state == CHECK_TOO_MANY_PROMPTS)
                return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "You have other questions open already. Answer those first.");
        *ret = check->verdict;
        return 1;
}

static int too_many(Failure *failure) {
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many calls are waiting for an answer of polkit or systemd-logind. Try again when some have been answered.");
}

int authorization_open(Authorization *authorization, Failure *failure) {
        Caller *caller = authorization->caller;
        int r;

        if (authorization->state != AUTHORIZATION_NONE)
                return 0;
        r = user_charge(caller->user, USER_AUTHORIZATIONS, &caller->held[USER_AUTHORIZATIONS],
                        &authorization->charge);
        if (r < 0)
                return too_many(failure);
        authorization->state = AUTHORIZATION_OPEN;
        return 0;
}

/* -EUSERS, -ENOMEM */
static int add_check(Authorization *authorization, const AuthorizationQuestion *question) {
        PolkitCheck *check = calloc(1, sizeof(PolkitCheck));
        User *user = authorization->caller->user;

        if (!check)
                return -ENOMEM;
        if (user_charge(user, USER_CHECKS, NULL, &check->charge) < 0) {
                free(check);
                return -EUSERS;
        }
        check->authorization = authorization;
        check->question = *question;
        list_append(&authorization->checks, &check->link);
        fair_queue_push(&authorization->all->unsent, user, &check->unsent);
        authorization->open++;
        return 0;
}

int authorization_ask(Authorization *authorization, const AuthorizationQuestion *question,
                PolkitVerdict *ret, Failure *failure) {
        int r = authorization_open(authorization, failure);

        if (r < 0)
                return r;
        if (authorization->state != AUTHORIZATION_OPEN)
                return read_verdict(authorization, question, ret, failure);
        r = add_check(authorization, question);
        if (r < 0)
                authorization_reset(authorization);
        return r == -EUSERS ? too_many(failure) : r;
}

static int on_verdict(sd_bus_message *answer, void *userdata, sd_bus_error *error);

/* A check that cannot be sent keeps the verdict that it had. */
static int send_check(PolkitCheck *check, CheckState state) {
        Authorization *authorization = check->authorization;
        int r;

        check->slot = sd_bus_slot_unref(check->slot);
        check->id = ++authorization->all->last_id;
        r = polkit_ask(authorization->all->bus, &check->slot, authorization->caller->name,
                        &check->question.polkit, check->id, state == CHECK_PROMPTING, on_verdict,
                        check);
        if (r < 0)
                log_warning("Cannot ask polkit: %s", strerror(-r));
        else
                check->state = state;
        return r;
}

/* Polkit would ask a person, and the caller waits for one. */
static bool wants_person(const PolkitCheck *check) {
        return check->verdict == POLKIT_CHALLENGE && check->state == CHECK_ANSWERED &&
                        check->question.may_ask && check->authorization->interactive;
}

/* All checks have a verdict for now: the one that a person is to be asked next. NULL: the verdicts
 * stand. */
static PolkitCheck *prompt_next(const Authorization *authorization) {
        PolkitCheck *next = NULL;

        LIST_FOREACH(&authorization->checks, node) {
                PolkitCheck *check = container_of(node, PolkitCheck, link);

                if (check->verdict == POLKIT_YES)
                        continue;
                if (!wants_person(check))
                        return NULL;
                next = next ? next : check;
        }
        return next;
}

static bool prompt(PolkitCheck *check) {
        Caller *caller = check->authorization->caller;

        if (user_charge(caller->user, USER_PROMPTS, &caller->held[USER_PROMPTS], &check->sent) < 0)
                check->state = CHECK_TOO_MANY_PROMPTS;
        else if (send_check(check, CHECK_PROMPTING) >= 0)
                return true;
        user_charge_done(&check->sent);
        return false;
}

static void complete(PolkitCheck *check, PolkitVerdict verdict) {
        Authorization *authorization = check->authorization;
        PolkitCheck *next;

        user_charge_done(&check->sent);
        check->state = check->state == CHECK_PROMPTING ? CHECK_PROMPTED : CHECK_ANSWERED;
        check->verdict = verdict;
        if (--authorization->open > 0)
                return;
        next = authorization->agent_ends ? NULL : prompt_next(authorization);
        if (next && prompt(next)) {
                authorization->open++;
                return;
        }
        authorization->state = AUTHORIZATION_DECIDED;
        authorization->decided_at = clock_now_usec();
        authorization->all->decided(authorization);
}

/* What kept polkit from answering, once in a while: each call is told, and audited, by itself. */
static void log_polkit_failure(Authorizations *all, sd_bus_message *answer) {
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        uint64_t now = clock_now_usec();

        if (now < all->log_failure_at)
                return;
        all->log_failure_at = now + LOG_FAILURE_USEC;
        log_warning("polkit did not answer: %s",
                        error && error->message                ? error->message
                                        : error && error->name ? error->name
                                                               : "no error was given");
}

static int on_verdict(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        PolkitCheck *check = userdata;
        Authorizations *all = check->authorization->all;
        PolkitVerdict verdict = polkit_read_verdict(answer);

        if (verdict == POLKIT_UNAVAILABLE) {
                log_polkit_failure(all, answer);
                /* It may still be at it, if it only took too long. */
                polkit_cancel(all->bus, check->id);
        }
        complete(check, verdict);
        return 0;
}

void authorizations_send(Authorizations *all) {
        List *first;

        while ((first = fair_queue_take(&all->unsent, USER_CHECKS_SENT))) {
                PolkitCheck *check = container_of(first, PolkitCheck, unsent);

                if (user_charge(check->charge.user, USER_CHECKS_SENT, NULL, &check->sent) < 0 ||
                                send_check(check, CHECK_SENT) < 0)
                        complete(check, POLKIT_UNAVAILABLE);
        }
}

static int on_agent_stays(sd_event_source *source, uint64_t usec, void *userdata) {
        Authorization *authorization = userdata;

        authorization->all->decided(authorization);
        return 0;
}

bool authorization_is_left_to_agent(Authorization *authorization) {
        bool is_prompting = false;

        if (authorization->agent_ends)
                return true;
        LIST_FOREACH(&authorization->checks, node)
                is_prompting = is_prompting ||
                                container_of(node, PolkitCheck, link)->state == CHECK_PROMPTING;
        return is_prompting &&
                        sd_event_add_time_relative(sd_bus_get_event(authorization->all->bus),
                                        &authorization->agent_ends, CLOCK_MONOTONIC,
                                        AGENT_ENDS_USEC, 0, on_agent_stays, authorization) >= 0;
}

#define DESCRIPTION_SIZE 96

/* What was asked, for people: the action, and what it is about. */
static const char *describe(const PolkitQuestion *question, char buffer[static DESCRIPTION_SIZE]) {
        const PolkitDetail *about = &question->details[0];

        if (!about->key)
                return question->action;
        snprintf(buffer, DESCRIPTION_SIZE, "%s (%s %s)", question->action, about->key,
                        about->value);
        return buffer;
}

int authorization_refuse(const Authorization *authorization, const AuthorizationQuestion *question,
                PolkitVerdict verdict, Failure *failure) {
        bool asked = question->may_ask && authorization->interactive;
        char buffer[DESCRIPTION_SIZE];
        const char *action = describe(&question->polkit, buffer);

        switch (verdict) {
        case POLKIT_CHALLENGE:
                if (asked)
                        return failure_set(failure, FAILURE_INTERACTION_REQUIRED, EACCES,
                                        "The action %s needs the answer of an administrator, and polkit found no agent to ask for one. Start an agent (pkttyagent in a terminal), or have a polkit rule allow the action.",
                                        action);
                return failure_set(failure, FAILURE_INTERACTION_REQUIRED, EACCES,
                                "The action %s needs the answer of an administrator, and this call did not allow to ask for one. Allow interactive authorization (the flag of the message, or the option \"interactive\" of a method that has it), or have a polkit rule allow the action.",
                                action);
        case POLKIT_DISMISSED:
                return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The question for the action %s was dismissed.", action);
        case POLKIT_UNAVAILABLE:
                return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The action %s could not be authorised: polkit did not answer, which means no. See whether polkit is running.",
                                action);
        case POLKIT_DENIED:
        case POLKIT_YES:
        case POLKIT_VERDICT_MAX:
                break;
        }
        return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                        "The action %s is not allowed to you. An administrator can allow it by a polkit rule; see org.vnicd1(5).",
                        action);
}
