/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/authority.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "bus/cleanup.h"
#include "bus/query.h"

/* Before the next message from the bus (SD_EVENT_PRIORITY_NORMAL). */
#define SWEEP_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10)

struct Authority {
        QueryTable table;
        sd_bus_slot *filter;
        sd_event_source *sweep;
};

DEFINE_CLEANUP(Authority, authority_free)

/* A verdict is good for one run of the handler: the query goes when the run is over, before any
 * other message is looked at. */
static int on_sweep(sd_event_source *source, void *userdata) {
        Authority *authority = userdata;

        query_table_sweep(&authority->table);
        return 0;
}

/* Sees each message just before its handler does. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Authority *authority = userdata;
        Query *query = query_find(&authority->table, message);

        if (query && query->ready) {
                query->spent = true;
                sd_event_source_set_enabled(authority->sweep, SD_EVENT_ONESHOT);
        }
        return 0;
}

int authority_new(Authority **ret, sd_bus *bus) {
        _cleanup_(authority_freep) Authority *authority = calloc(1, sizeof(Authority));
        int r;

        if (!authority)
                return -ENOMEM;
        query_table_init(&authority->table, bus);
        r = sd_bus_add_filter(bus, &authority->filter, on_message, authority);
        if (r < 0)
                return r;
        r = sd_event_add_defer(sd_bus_get_event(bus), &authority->sweep, on_sweep, authority);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(authority->sweep, SWEEP_PRIORITY);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(authority->sweep, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(authority);
        return 0;
}

Authority *authority_free(Authority *authority) {
        if (!authority)
                return NULL;
        query_table_done(&authority->table);
        sd_event_source_disable_unref(authority->sweep);
        sd_bus_slot_unref(authority->filter);
        free(authority);
        return NULL;
}

static int read_verdict(const Query *query, const AuthorityQuestion *question, PolkitVerdict *ret,
                Failure *failure) {
        const Check *check = query_find_check(query, &question->polkit);

        if (!check || check->question.stamp != question->stamp)
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "What the question was about has changed while it was open. Ask "
                                "again.");
        if (check->refused)
                return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "You have other questions open already. Answer those first.");
        *ret = check->verdict;
        return 1;
}

int authority_ask(Authority *authority, sd_bus_message *call, uid_t uid,
                const AuthorityQuestion *question, PolkitVerdict *ret, Failure *failure) {
        Query *query;
        int r;

        if (uid == 0) {
                *ret = POLKIT_YES;
                return 1;
        }
        query = query_find(&authority->table, call);
        if (query && query->ready)
                return read_verdict(query, question, ret, failure);
        if (!query) {
                r = query_new(&query, &authority->table, call, uid);
                if (r == -EUSERS)
                        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                        "Too many calls are waiting for an answer of polkit. Try "
                                        "again when some have been answered.");
                if (r < 0)
                        return r;
        }
        return query_add_check(query, question);
}

static int refuse(PolkitVerdict verdict, const char *action, bool asked, Failure *failure) {
        switch (verdict) {
        case POLKIT_CHALLENGE:
                if (asked)
                        return failure_set(failure, FAILURE_INTERACTION_REQUIRED, EACCES,
                                        "The action %s needs the answer of an administrator, and "
                                        "polkit found no agent to ask for one. Start an agent "
                                        "(pkttyagent in a terminal), or have a polkit rule allow "
                                        "the "
                                        "action.",
                                        action);
                return failure_set(failure, FAILURE_INTERACTION_REQUIRED, EACCES,
                                "The action %s needs the answer of an administrator, and this call "
                                "did not allow to ask for one. Allow interactive authorization, or "
                                "have a polkit rule allow the action.",
                                action);
        case POLKIT_DISMISSED:
                return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The question for the action %s was dismissed.", action);
        case POLKIT_UNAVAILABLE:
                return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The action %s could not be authorised: polkit did not answer, "
                                "which "
                                "means no. See whether polkit is running.",
                                action);
        case POLKIT_DENIED:
        case POLKIT_YES:
        case POLKIT_VERDICT_MAX:
                break;
        }
        return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                        "The action %s is not allowed to you. An administrator can allow it by a "
                        "polkit rule; see org.vnicd1(5).",
                        action);
}

int authority_require(Authority *authority, sd_bus_message *call, uid_t uid,
                const AuthorityQuestion *question, Failure *failure) {
        bool asked = question->may_ask &&
                        sd_bus_message_get_allow_interactive_authorization(call) > 0;
        PolkitVerdict verdict;
        int r;

        r = authority_ask(authority, call, uid, question, &verdict, failure);
        if (r <= 0)
                return r;
        return verdict == POLKIT_YES ? 1 : refuse(verdict, question->polkit.action, asked, failure);
}
