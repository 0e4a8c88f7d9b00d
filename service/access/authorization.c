/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/authorization.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access/checks.h"
#include "common/cleanup.h"

struct Authority {
        QueryTable table;
        sd_bus_slot *filter;
};

/* Sees each message just before its handler does. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Authority *authority = userdata;
        Query *query = query_find(&authority->table, message);

        if (!query || !query->ready)
                return 0;
        if (query_is_outdated(query))
                query_table_drop(&authority->table, message);
        else
                query_spend(query);
        return 0;
}

int authority_new(Authority **ret, sd_bus *bus, Callers *callers) {
        _cleanup_free_ Authority *authority = calloc(1, sizeof(Authority));
        int r;

        if (!authority)
                return -ENOMEM;
        r = query_table_init(&authority->table, bus, callers);
        if (r >= 0)
                r = sd_bus_add_filter(bus, &authority->filter, on_message, authority);
        if (r < 0) {
                query_table_done(&authority->table);
                return r;
        }
        *ret = TAKE_PTR(authority);
        return 0;
}

Authority *authority_free(Authority *authority) {
        if (!authority)
                return NULL;
        query_table_done(&authority->table);
        sd_bus_slot_unref(authority->filter);
        free(authority);
        return NULL;
}

static int read_verdict(const Query *query, const AuthorityQuestion *question, PolkitVerdict *ret,
                Failure *failure) {
        const Check *check = query_find_check(query, &question->polkit);

        if (!check || check->question.generation != question->generation)
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "What the question was about has changed while it was open. Ask again.");
        if (check->refused)
                return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "You have other questions open already. Answer those first.");
        *ret = check->verdict;
        return 1;
}

static int too_many(Failure *failure) {
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many calls are waiting for an answer of polkit. Try again when some have been answered.");
}

/* 1: the verdicts are there. 0: they are not. */
static int get_query(Authority *authority, sd_bus_message *call, uid_t uid, Query **ret,
                Failure *failure) {
        Query *query = query_find(&authority->table, call);
        int r = 0;

        if (!query)
                r = query_new(&query, &authority->table, call, uid);
        if (r < 0)
                return r == -EUSERS ? too_many(failure) : r;
        *ret = query;
        return query->ready;
}

bool authority_has_answered(const Authority *authority, sd_bus_message *call) {
        const Query *query = query_find(&authority->table, call);

        return query && query->ready;
}

void authority_keep(Authority *authority, sd_bus_message *call) {
        Query *query = query_find(&authority->table, call);

        if (query && query->ready)
                query_keep(query);
}

bool authority_ask_again(Authority *authority, sd_bus_message *call) {
        Query *query = query_find(&authority->table, call);

        return !query || query_ask_again(query);
}

void authority_caller_left(Authority *authority, const char *name) {
        query_table_caller_left(&authority->table, name);
}

int authority_may_ask(Authority *authority, sd_bus_message *call, uid_t uid, Failure *failure) {
        Query *query;

        return uid == 0 ? 0 : get_query(authority, call, uid, &query, failure);
}

int authority_ask(Authority *authority, sd_bus_message *call, uid_t uid,
                const AuthorityQuestion *question, PolkitVerdict *ret, Failure *failure) {
        Query *query = NULL;
        int r;

        if (uid == 0) {
                *ret = POLKIT_YES;
                return 1;
        }
        r = get_query(authority, call, uid, &query, failure);
        if (r < 0)
                return r;
        if (r > 0)
                return read_verdict(query, question, ret, failure);
        r = query_add_check(query, question);
        if (r < 0)
                query_table_drop(&authority->table, call);
        return r == -EUSERS ? too_many(failure) : r;
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

int authority_refuse(sd_bus_message *call, const AuthorityQuestion *question, PolkitVerdict verdict,
                Failure *failure) {
        bool asked = question->may_ask &&
                        sd_bus_message_get_allow_interactive_authorization(call) > 0;
        char buffer[DESCRIPTION_SIZE];
        const char *action = describe(&question->polkit, buffer);

        switch (verdict) {
        case POLKIT_CHALLENGE:
                if (asked)
                        return failure_set(failure, FAILURE_INTERACTION_REQUIRED, EACCES,
                                        "The action %s needs the answer of an administrator, and polkit found no agent to ask for one. Start an agent (pkttyagent in a terminal), or have a polkit rule allow the action.",
                                        action);
                return failure_set(failure, FAILURE_INTERACTION_REQUIRED, EACCES,
                                "The action %s needs the answer of an administrator, and this call did not allow to ask for one. Allow interactive authorization, or have a polkit rule allow the action.",
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
