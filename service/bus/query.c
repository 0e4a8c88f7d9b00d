/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/cleanup.h"
#include "util/log.h"

#define WAITING_PER_CONNECTION 32
#define WAITING_MAX            256

#define PROMPTS_PER_CONNECTION 1
#define PROMPTS_PER_USER       2
#define PROMPTS_MAX            32

/* With the prompts, well below the bus's 128. */
#define ASKING_MAX 64

static Query *query_free(Query *query);
static void send_next(QueryTable *table);

DEFINE_CLEANUP(Query, query_free)

void query_table_init(QueryTable *table, sd_bus *bus) {
        *table = (QueryTable){ .bus = bus };
        list_init(&table->queries);
        list_init(&table->unsent);
}

static void check_free(Check *check) {
        QueryTable *table = check->query->table;

        list_unlink(&check->link);
        list_unlink(&check->unsent);
        if (check->asking) {
                polkit_cancel(table->bus, check->id);
                table->n_asking--;
        }
        sd_bus_slot_unref(check->slot);
        free(check);
}

static Query *query_free(Query *query) {
        LIST_FOREACH_SAFE(&query->checks, node)
                check_free(container_of(node, Check, link));
        list_unlink(&query->link);
        sd_bus_slot_unref(query->leaving);
        sd_bus_message_unref(query->call);
        free(query);
        return NULL;
}

/* The caller has left, or the call is over: what it made room for is used. */
static void query_drop(Query *query) {
        QueryTable *table = query->table;

        query_free(query);
        send_next(table);
}

void query_table_done(QueryTable *table) {
        LIST_FOREACH_SAFE(&table->queries, node)
                query_free(container_of(node, Query, link));
}

void query_table_sweep(QueryTable *table) {
        LIST_FOREACH_SAFE(&table->queries, node) {
                Query *query = container_of(node, Query, link);

                if (query->spent)
                        query_free(query);
        }
}

Query *query_find(const QueryTable *table, sd_bus_message *call) {
        LIST_FOREACH(&table->queries, node) {
                Query *query = container_of(node, Query, link);

                if (query->call == call)
                        return query;
        }
        return NULL;
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

const Check *query_find_check(const Query *query, const PolkitQuestion *question) {
        LIST_FOREACH(&query->checks, node) {
                const Check *check = container_of(node, Check, link);

                if (questions_equal(&check->question.polkit, question))
                        return check;
        }
        return NULL;
}

static const char *caller_of(const Query *query) {
        return sd_bus_message_get_sender(query->call);
}

static bool may_wait(const QueryTable *table, const char *caller) {
        unsigned of_caller = 0, of_all = 0;

        LIST_FOREACH(&table->queries, node) {
                of_all++;
                of_caller += strcmp(caller_of(container_of(node, Query, link)), caller) == 0;
        }
        return of_caller < WAITING_PER_CONNECTION && of_all < WAITING_MAX;
}

static unsigned prompts_of(const Query *query) {
        unsigned n = 0;

        LIST_FOREACH(&query->checks, node) {
                const Check *check = container_of(node, Check, link);

                n += check->asking && check->ask_person;
        }
        return n;
}

static bool may_prompt(const Query *query) {
        unsigned of_caller = 0, of_user = 0, of_all = 0;

        LIST_FOREACH(&query->table->queries, node) {
                const Query *other = container_of(node, Query, link);
                unsigned n = prompts_of(other);

                of_all += n;
                of_user += other->uid == query->uid ? n : 0;
                of_caller += strcmp(caller_of(other), caller_of(query)) == 0 ? n : 0;
        }
        return of_caller < PROMPTS_PER_CONNECTION && of_user < PROMPTS_PER_USER &&
                        of_all < PROMPTS_MAX;
}

static int on_leaving(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        query_drop(userdata);
        return 0;
}

/* A match that could not be installed costs us the early end of the question, nothing more: polkit
 * says no to a caller who is gone. */
static int on_match_installed(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        return 0;
}

int query_new(Query **ret, QueryTable *table, sd_bus_message *call, uid_t uid) {
        const char *caller = sd_bus_message_get_sender(call);
        _cleanup_(query_freep) Query *query = NULL;
        char match[256];
        int r;

        if (!caller || !may_wait(table, caller))
                return -EUSERS;
        query = calloc(1, sizeof(Query));
        if (!query)
                return -ENOMEM;
        *query = (Query){ .table = table, .call = sd_bus_message_ref(call), .uid = uid };
        list_init(&query->checks);
        list_init(&query->link);
        snprintf(match, sizeof(match),
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        caller);
        r = sd_bus_add_match_async(
                        table->bus, &query->leaving, match, on_leaving, on_match_installed, query);
        if (r < 0)
                return r;
        list_append(&table->queries, &query->link);
        *ret = TAKE_PTR(query);
        return 0;
}

/* The message goes to the end of the queue of those read already. */
static void dispatch_again(Query *query) {
        int r = sd_bus_message_rewind(query->call, true);

        query->ready = true;
        if (r >= 0)
                r = sd_bus_enqueue_for_read(query->table->bus, query->call);
        if (r >= 0)
                return;
        log_error("Cannot go on with an authorised call: %s", strerror(-r));
        (void)sd_bus_reply_method_errno(query->call, r, NULL);
        query_free(query);
}

static void settle(Check *check, PolkitVerdict verdict) {
        Query *query = check->query;

        check->open = false;
        check->verdict = verdict;
        if (--query->open == 0)
                dispatch_again(query);
}

static int on_verdict(sd_bus_message *answer, void *userdata, sd_bus_error *error);

static int send_check(Check *check) {
        QueryTable *table = check->query->table;
        int r;

        list_unlink(&check->unsent);
        check->slot = sd_bus_slot_unref(check->slot);
        check->id = ++table->last_id;
        r = polkit_ask(table->bus, &check->slot, caller_of(check->query), &check->question.polkit,
                        check->id, check->ask_person, on_verdict, check);
        if (r < 0) {
                log_warning("Cannot ask polkit: %s", strerror(-r));
                return r;
        }
        check->asking = true;
        table->n_asking++;
        return 0;
}

/* As many as there is room for. */
static void send_next(QueryTable *table) {
        while (table->n_asking < ASKING_MAX && !list_is_empty(&table->unsent)) {
                Check *check = container_of(table->unsent.next, Check, unsent);

                if (send_check(check) < 0)
                        settle(check, POLKIT_UNAVAILABLE);
        }
}

/* Polkit would ask a person, and the caller waits for one. */
static bool wants_person(const Check *check, PolkitVerdict verdict) {
        return verdict == POLKIT_CHALLENGE && !check->ask_person && check->question.may_ask &&
                        sd_bus_message_get_allow_interactive_authorization(check->query->call) > 0;
}

static bool ask_person(Check *check) {
        check->refused = !may_prompt(check->query);
        if (check->refused)
                return false;
        check->ask_person = true;
        return send_check(check) >= 0;
}

static int on_verdict(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        Check *check = userdata;
        QueryTable *table = check->query->table;
        PolkitVerdict verdict = polkit_read_verdict(answer);

        check->asking = false;
        table->n_asking--;
        if (verdict == POLKIT_UNAVAILABLE) /* it may still be at it, if it only took too long */
                polkit_cancel(table->bus, check->id);
        if (!wants_person(check, verdict) || !ask_person(check))
                settle(check, verdict);
        send_next(table);
        return 0;
}

int query_add_check(Query *query, const AuthorityQuestion *question) {
        Check *check = calloc(1, sizeof(Check));

        if (!check)
                return -ENOMEM;
        *check = (Check){ .query = query, .question = *question, .open = true };
        list_append(&query->checks, &check->link);
        list_append(&query->table->unsent, &check->unsent);
        query->open++;
        send_next(query->table);
        return 0;
}
