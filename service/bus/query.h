/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Questions to polkit that are open, and verdicts that wait for their message to be dispatched
 * again. A query belongs to one message and holds a reference to it; several checks of one message
 * go out side by side, and the message comes back when the last is answered. When the caller leaves
 * the bus its query is dropped and its checks are taken back.
 */

#include "bus/authority.h"
#include "util/list.h"

typedef struct QueryTable {
        sd_bus *bus;
        List queries;      /* Query.link */
        List unsent;       /* Check.unsent, in the order of asking */
        unsigned n_asking; /* checks that polkit has and did not answer */
        uint64_t last_id;
} QueryTable;

typedef struct Query {
        List link;
        List checks; /* Check.link */
        QueryTable *table;
        sd_bus_message *call;
        uid_t uid;
        sd_bus_slot *leaving; /* the caller's leaving the bus */
        unsigned open;        /* checks without a verdict */
        bool ready;           /* all are answered, the message is on its way again */
        bool spent;           /* its handler has it; swept afterwards */
} Query;

typedef struct Check {
        List link;   /* Query.checks */
        List unsent; /* QueryTable.unsent, until it is polkit's turn */
        Query *query;
        AuthorityQuestion question;
        sd_bus_slot *slot;
        uint64_t id;     /* by which it can be taken back */
        bool ask_person; /* polkit may ask one now */
        bool asking;     /* polkit has it and did not answer */
        bool open;       /* there is no verdict yet */
        bool refused;    /* a person could have been asked, but too many questions are open */
        PolkitVerdict verdict;
} Check;

void query_table_init(QueryTable *table, sd_bus *bus);
void query_table_done(QueryTable *table);

/* Frees what is spent. */
void query_table_sweep(QueryTable *table);

/* NULL: none. */
Query *query_find(const QueryTable *table, sd_bus_message *call);
const Check *query_find_check(const Query *query, const PolkitQuestion *question);

/* -EUSERS: too many of this connection, or of all, are waiting. -ENOMEM, -errno of sd-bus. */
int query_new(Query **ret, QueryTable *table, sd_bus_message *call, uid_t uid);

/* 0: the question is on its way (a question that could not be sent is answered by "unavailable", in
 * the same way). -ENOMEM. */
int query_add_check(Query *query, const AuthorityQuestion *question);
