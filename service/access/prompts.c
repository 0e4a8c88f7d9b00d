/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/prompts.h"

#include <string.h>

#define PROMPTS_PER_CONNECTION 1
#define PROMPTS_PER_USER       2
#define PROMPTS_MAX            32

/* Polkit would ask a person, and the caller waits for one. */
static bool wants_person(const Check *check) {
        return check->verdict == POLKIT_CHALLENGE && !check->ask_person &&
                        check->question.may_ask &&
                        sd_bus_message_get_allow_interactive_authorization(check->query->call) > 0;
}

Check *prompt_next(const Query *query) {
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

bool prompt_is_open(const Query *query) {
        return prompts_of(query) > 0;
}

bool prompt_has_room(const Query *query) {
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
