/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Questions to polkit that are open, and verdicts that wait for their message to be dispatched
 * again. A query belongs to one message and holds a reference to it; several checks of one message
 * go out side by side, prompts one after the other, and the message comes back
 * when the last is answered. When the caller leaves the bus its query is dropped and its checks are
 * taken back; a prompt is left for half a second to the agent, which may be leaving with the
 * caller.
 *
 * The system bus lets a connection wait for 128 replies and refuses the next call, which would read
 * as polkit's no to somebody else's question: so only so many checks are polkit's at a time, fewer
 * of any one user, and the users take turns. Nothing is sent or dispatched from within a handler,
 * but right after it.
 *
 * Password prompts can be abused to harass administrators: so nobody is asked before polkit has
 * said that a person would have to be, nor for a call that would be refused whatever they answer;
 * the prompts of one call are shown one after the other, and with the first that is not granted the
 * rest are not shown.
 */

#include "access/caller.h"
#include "bus/polkit-client.h"
#include "common/list.h"

typedef struct AuthorityQuestion {
        PolkitQuestion polkit;
        uint64_t generation; /* of what it is about; if it differs after the answer, the answer is
                              * void
                              */
        bool may_ask;        /* a person, where the caller allows it */
} AuthorityQuestion;

typedef struct QueryTable {
        sd_bus *bus;
        Callers *callers;
        sd_event_source *after_handler;
        List queries;      /* Query.link */
        List askers;       /* Asker.link, whose turn it is first */
        unsigned n_asking; /* checks that polkit has and did not answer */
        uint64_t last_id;
        uint64_t complain_at; /* µs of CLOCK_MONOTONIC: before, polkit's silence is not logged again
                               */
} QueryTable;

/* A user with queries. */
typedef struct Asker {
        List link;
        List unsent; /* Check.unsent */
        uid_t uid;
        unsigned n_queries, n_checks, n_asking;
} Asker;

typedef struct Query {
        List link;
        List checks; /* Check.link */
        QueryTable *table;
        Asker *asker;
        sd_bus_message *call;
        Caller *caller;              /* held */
        sd_event_source *agent_ends; /* the caller has left, their agent may be leaving too */
        unsigned open;               /* checks without a verdict */
        uint64_t answered_at;        /* µs of CLOCK_MONOTONIC */
        bool ready;                  /* all are answered, the message is on its way again */
        bool spent;                  /* its handler has it */
        bool kept;                   /* its handler had it before, and the call had to wait */
        bool asked_again;            /* the answers were about what was not there any more */
} Query;

typedef struct Check {
        List link;   /* Query.checks */
        List unsent; /* Asker.unsent, until it is polkit's turn */
        Query *query;
        AuthorityQuestion question;
        sd_bus_slot *slot;
        uint64_t id;     /* by which it can be taken back */
        bool ask_person; /* polkit may ask one now */
        bool asking;     /* polkit has it and did not answer */
        bool refused;    /* a person could have been asked, but too many questions are open */
        PolkitVerdict verdict;
} Check;

/* The bus must be attached to its loop. -errno of sd-event. */
int query_table_init(QueryTable *table, sd_bus *bus, Callers *callers);
void query_table_done(QueryTable *table);

/* NULL: none. */
Query *query_find(const QueryTable *table, sd_bus_message *call);
const Check *query_find_check(const Query *query, const PolkitQuestion *question);

/* -EUSERS: too many of this connection, of this user or of all are waiting. -ENOMEM, -errno of
 * sd-bus. */
int query_new(Query **ret, QueryTable *table, sd_bus_message *call, uid_t uid);

/* 0: the answer will come (for a question that could not be sent: "unavailable", in the same way).
 * -EUSERS: too many of this user are waiting. -ENOMEM. */
int query_add_check(Query *query, const AuthorityQuestion *question);

/* The handler runs with the verdicts: the query goes when the run is over. */
void query_spend(Query *query);

/* The run has ended with the call still to be answered: the verdicts are for the next run as well,
 * within half a minute of the answer. */
void query_keep(Query *query);

/* Whether that run comes too late for them. */
bool query_is_outdated(const Query *query);

/* Forgets the answers: the handler asks once more, in this run. False: it has done so before. */
bool query_ask_again(Query *query);

/* Before the handler runs: the verdicts are void; it asks anew. In its first run: the call is
 * refused, and what it has asked already is taken back. */
void query_table_drop(QueryTable *table, sd_bus_message *call);

/* Checks of a caller who has left the bus are taken back. */
void query_table_caller_left(QueryTable *table, const char *name);
