/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "common/bus-error.h"
#include "common/clock.h"
#include "common/log.h"

#define WAITING_PER_CONNECTION 32
#define WAITING_PER_USER       64
#define WAITING_MAX            256

#define CHECKS_PER_USER 4096

#define PROMPTS_PER_CONNECTION 1
#define PROMPTS_PER_USER       2
#define PROMPTS_MAX            32

/* With the prompts, well below the bus's 128. */
#define ASKING_PER_USER 16
#define ASKING_MAX      64

/* How long an answer is good for a call that has to wait for something else. */
#define KEPT_USEC (30 * UINT64_C(1000000))

#define COMPLAIN_USEC (5 * UINT64_C(1000000))

/* The agent of a terminal ends with its caller, and polkit then answers by itself. Told to cancel
 * while the agent's end reaches it, polkitd hangs for good (122 with GLib 2.74: each of two threads
 * waits for what the other holds). */
#define AGENT_ENDS_USEC (UINT64_C(500000))

/* Before the next message from the bus (SD_EVENT_PRIORITY_NORMAL). */
#define AFTER_HANDLER_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10)

static Query *query_free(Query *query);
static void send_next(QueryTable *table);

DEFINE_CLEANUP(Query, query_free)

static void check_free(Check *check) {
        Query *query = check->query;

        list_unlink(&check->link);
        list_unlink(&check->unsent);
        query->asker->n_checks--;
        if (check->asking) {
                polkit_cancel(query->table->bus, check->id);
                query->asker->n_asking--;
                query->table->n_asking--;
        }
        sd_bus_slot_unref(check->slot);
        free(check);
}

/* NULL: out of memory. */
static Asker *asker_get(QueryTable *table, uid_t uid) {
        Asker *asker;

        LIST_FOREACH(&table->askers, node) {
                asker = container_of(node, Asker, link);
                if (asker->uid == uid)
                        return asker;
        }
        asker = calloc(1, sizeof(Asker));
        if (!asker)
                return NULL;
        asker->uid = uid;
        list_init(&asker->unsent);
        list_append(&table->askers, &asker->link);
        return asker;
}

static void asker_put(Asker *asker) {
        if (--asker->n_queries > 0)
                return;
        list_unlink(&asker->link);
        free(asker);
}

static Query *query_free(Query *query) {
        LIST_FOREACH_SAFE(&query->checks, node)
                check_free(container_of(node, Check, link));
        list_unlink(&query->link);
        asker_put(query->asker);
        sd_event_source_disable_unref(query->agent_ends);
        callers_let_go(query->caller);
        sd_bus_message_unref(query->call);
        free(query);
        return NULL;
}

/* Those whose handler has run with the verdicts, or asked nothing. */
static void sweep(QueryTable *table) {
        LIST_FOREACH_SAFE(&table->queries, node) {
                Query *query = container_of(node, Query, link);

                if (query->spent || list_is_empty(&query->checks))
                        query_free(query);
        }
}

static int on_handler_over(sd_event_source *source, void *userdata) {
        QueryTable *table = userdata;

        sweep(table);
        send_next(table);
        return 0;
}

static void call_after_handler(QueryTable *table) {
        sd_event_source_set_enabled(table->after_handler, SD_EVENT_ONESHOT);
}

int query_table_init(QueryTable *table, sd_bus *bus, Callers *callers) {
        int r;

        *table = (QueryTable){ .bus = bus, .callers = callers };
        list_init(&table->queries);
        list_init(&table->askers);
        r = sd_event_add_defer(
                        sd_bus_get_event(bus), &table->after_handler, on_handler_over, table);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(table->after_handler, AFTER_HANDLER_PRIORITY);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(table->after_handler, SD_EVENT_OFF);
}

/* The service stops. A call that has its verdicts is its handler's, or the line's, to answer. */
static void answer_stopping(Query *query) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Failure failure = FAILURE_INIT;

        if (query->open == 0 || query->agent_ends)
                return;
        failure_set(&failure, FAILURE_KERNEL, ECANCELED,
                        "The service is stopping; the call was not carried out. Try again.");
        error_answer(&error, &failure, -ECANCELED);
        (void)sd_bus_reply_method_error(query->call, &error);
}

void query_table_done(QueryTable *table) {
        LIST_FOREACH_SAFE(&table->queries, node) {
                Query *query = container_of(node, Query, link);

                answer_stopping(query);
                query_free(query);
        }
        sd_event_source_disable_unref(table->after_handler);
}

void query_keep(Query *query) {
        query->spent = false;
        query->kept = true;
}

/* A verdict that is older may be about a right that was withdrawn. */
bool query_is_outdated(const Query *query) {
        return query->kept && clock_now_usec() - query->answered_at >= KEPT_USEC;
}

bool query_ask_again(Query *query) {
        if (query->asked_again)
                return false;
        LIST_FOREACH_SAFE(&query->checks, node)
                check_free(container_of(node, Check, link));
        query->ready = query->spent = false;
        query->asked_again = true;
        return true;
}

void query_spend(Query *query) {
        query->spent = true;
        call_after_handler(query->table);
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

static const char *query_caller(const Query *query) {
        return sd_bus_message_get_sender(query->call);
}

static bool may_wait(const QueryTable *table, const Asker *asker, const char *caller) {
        unsigned of_caller = 0, of_all = 0;

        LIST_FOREACH(&table->queries, node) {
                of_all++;
                of_caller += strcmp(query_caller(container_of(node, Query, link)), caller) == 0;
        }
        return of_caller < WAITING_PER_CONNECTION && asker->n_queries <= WAITING_PER_USER &&
                        of_all < WAITING_MAX;
}

/* Polkit would ask a person, and the caller waits for one. */
static bool wants_person(const Check *check) {
        return check->verdict == POLKIT_CHALLENGE && !check->ask_person &&
                        check->question.may_ask &&
                        sd_bus_message_get_allow_interactive_authorization(check->query->call) > 0;
}

/* All checks of the query have a verdict for now: the one that a person is to be asked next. NULL:
 * the verdicts stand. */
static Check *prompt_next(const Query *query) {
        Check *next = NULL;

        LIST_FOREACH(&query->checks, node) {
                Check *check = container_of(node, Check, link);

                if (check->verdict == POLKIT_YES)
                        continue;
                if (!wants_person(check))
                        return NULL;
                next = next ? next : check;
        }
        return next;
}

static unsigned prompts_of(const Query *query) {
        unsigned n = 0;

        LIST_FOREACH(&query->checks, node) {
                const Check *check = container_of(node, Check, link);

                n += check->asking && check->ask_person;
        }
        return n;
}

/* Whether a person is being asked. */
static bool prompt_is_open(const Query *query) {
        return prompts_of(query) > 0;
}

/* Whether there is room for one more, of this connection, of this user and of all. */
static bool prompt_has_room(const Query *query) {
        unsigned of_caller = 0, of_user = 0, of_all = 0;

        LIST_FOREACH(&query->table->queries, node) {
                const Query *other = container_of(node, Query, link);
                unsigned n = prompts_of(other);

                of_all += n;
                of_user += other->asker == query->asker ? n : 0;
                of_caller += strcmp(query_caller(other), query_caller(query)) == 0 ? n : 0;
        }
        return of_caller < PROMPTS_PER_CONNECTION && of_user < PROMPTS_PER_USER &&
                        of_all < PROMPTS_MAX;
}

/* The caller has left, so nobody waits for an answer. What they had asked makes room for others. */
static void drop(Query *query) {
        QueryTable *table = query->table;

        query_free(query);
        send_next(table);
}

static int on_agent_stays(sd_event_source *source, uint64_t usec, void *userdata) {
        drop(userdata);
        return 0;
}

static void end_departed(Query *query) {
        sd_event *loop = sd_bus_get_event(query->table->bus);

        if (query->agent_ends)
                return;
        if (prompt_is_open(query) &&
                        sd_event_add_time_relative(loop, &query->agent_ends, CLOCK_MONOTONIC,
                                        AGENT_ENDS_USEC, 0, on_agent_stays, query) >= 0)
                return;
        query_free(query);
}

void query_table_caller_left(QueryTable *table, const char *name) {
        LIST_FOREACH_SAFE(&table->queries, node) {
                Query *query = container_of(node, Query, link);

                if (strcmp(query_caller(query), name) == 0)
                        end_departed(query);
        }
        send_next(table);
}

void query_table_drop(QueryTable *table, sd_bus_message *call) {
        Query *query = query_find(table, call);

        if (!query)
                return;
        query_free(query);
        call_after_handler(table);
}

int query_new(Query **ret, QueryTable *table, sd_bus_message *call, uid_t uid) {
        const char *caller = sd_bus_message_get_sender(call);
        _cleanup_(query_freep) Query *query = NULL;
        Asker *asker = asker_get(table, uid);

        if (!asker)
                return -ENOMEM;
        asker->n_queries++;
        query = calloc(1, sizeof(Query));
        if (!query) {
                asker_put(asker);
                return -ENOMEM;
        }
        *query = (Query){
                .table = table,
                .asker = asker,
                .call = sd_bus_message_ref(call),
                .caller = callers_hold(table->callers, call),
        };
        list_init(&query->checks);
        list_init(&query->link);
        if (!caller || !may_wait(table, asker, caller))
                return -EUSERS;
        list_append(&table->queries, &query->link);
        call_after_handler(table);
        *ret = TAKE_PTR(query);
        return 0;
}

static void dispatch_again(Query *query) {
        int r = callers_dispatch_again(query->table->callers, query->call);

        query->ready = true;
        query->answered_at = clock_now_usec();
        if (r >= 0)
                return;
        log_error("Cannot go on with an authorised call: %s", strerror(-r));
        (void)sd_bus_reply_method_errno(query->call, r, NULL);
        query_free(query);
}

static int on_verdict(sd_bus_message *answer, void *userdata, sd_bus_error *error);

static int send_check(Check *check) {
        Query *query = check->query;
        int r;

        list_unlink(&check->unsent);
        check->slot = sd_bus_slot_unref(check->slot);
        check->id = ++query->table->last_id;
        r = polkit_ask(query->table->bus, &check->slot, query_caller(query),
                        &check->question.polkit, check->id, check->ask_person, on_verdict, check);
        if (r < 0) {
                log_warning("Cannot ask polkit: %s", strerror(-r));
                return r;
        }
        check->asking = true;
        query->asker->n_asking++;
        query->table->n_asking++;
        return 0;
}

/* What cannot be sent keeps the verdict that it had: a person would have to be asked. */
static bool ask_person(Check *check) {
        check->refused = !prompt_has_room(check->query);
        if (check->refused)
                return false;
        check->ask_person = true;
        return send_check(check) >= 0;
}

static void settle(Check *check, PolkitVerdict verdict) {
        Query *query = check->query;
        Check *next;

        check->verdict = verdict;
        if (--query->open > 0)
                return;
        if (query->agent_ends) {
                query_free(query);
                return;
        }
        next = prompt_next(query);
        if (next && ask_person(next))
                query->open++;
        else
                dispatch_again(query);
}

/* The next check, of the user whose turn it is; he is then the last in turn. NULL: none may go. */
static Check *take_turn(QueryTable *table) {
        if (table->n_asking >= ASKING_MAX)
                return NULL;
        LIST_FOREACH(&table->askers, node) {
                Asker *asker = container_of(node, Asker, link);

                if (list_is_empty(&asker->unsent) || asker->n_asking >= ASKING_PER_USER)
                        continue;
                list_unlink(&asker->link);
                list_append(&table->askers, &asker->link);
                return container_of(asker->unsent.next, Check, unsent);
        }
        return NULL;
}

/* As many as there is room for. */
static void send_next(QueryTable *table) {
        Check *check;

        while ((check = take_turn(table)))
                if (send_check(check) < 0)
                        settle(check, POLKIT_UNAVAILABLE);
}

/* What kept polkit from answering, once in a while: each call is told, and audited, by itself. */
static void complain(QueryTable *table, sd_bus_message *answer) {
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        uint64_t now = clock_now_usec();

        if (now < table->complain_at)
                return;
        table->complain_at = now + COMPLAIN_USEC;
        log_warning("polkit did not answer: %s",
                        error && error->message                ? error->message
                                        : error && error->name ? error->name
                                                               : "no error was given");
}

static int on_verdict(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        Check *check = userdata;
        Query *query = check->query;
        QueryTable *table = query->table;
        PolkitVerdict verdict = polkit_read_verdict(answer);

        check->asking = false;
        query->asker->n_asking--;
        table->n_asking--;
        if (verdict == POLKIT_UNAVAILABLE) {
                complain(table, answer);
                /* It may still be at it, if it only took too long. */
                polkit_cancel(table->bus, check->id);
        }
        settle(check, verdict);
        send_next(table);
        return 0;
}

int query_add_check(Query *query, const AuthorityQuestion *question) {
        Check *check;

        if (query->asker->n_checks >= CHECKS_PER_USER)
                return -EUSERS;
        check = calloc(1, sizeof(Check));
        if (!check)
                return -ENOMEM;
        *check = (Check){ .query = query, .question = *question };
        list_append(&query->checks, &check->link);
        list_append(&query->asker->unsent, &check->unsent);
        query->asker->n_checks++;
        query->open++;
        call_after_handler(query->table);
        return 0;
}
