/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users take turns, each is served in the order in which they came, and has so much of each kind.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/user.h"
#include "testing.h"

typedef struct Item {
        List link;
        char name;
} Item;

typedef struct Stage {
        Users *users;
        FairQueue queue;
        User *of[3];
} Stage;

static int set_up(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));

        assert_non_null(stage);
        stage->users = users_new();
        assert_non_null(stage->users);
        fair_queue_init(&stage->queue, USER_LINE_CHECKS);
        for (size_t i = 0; i < ELEMENTS(stage->of); i++) {
                stage->of[i] = user_get(stage->users, 1000 + (uid_t)i);
                assert_non_null(stage->of[i]);
        }
        *state = stage;
        return 0;
}

static int tear_down(void **state) {
        Stage *stage = *state;

        for (size_t i = 0; i < ELEMENTS(stage->of); i++)
                user_put(stage->of[i]);
        for (size_t i = 0; i < ELEMENTS(stage->of); i++)
                assert_int_equal(stage->of[i]->refs, 0); /* all was given back */
        users_free(stage->users);
        free(stage);
        return 0;
}

static void push(Stage *stage, unsigned user, Item *item, char name) {
        item->name = name;
        list_init(&item->link);
        fair_queue_push(&stage->queue, stage->of[user], &item->link);
}

/* '-': nobody. */
static char take(Stage *stage) {
        List *first = fair_queue_take(&stage->queue, USER_SLOT_MAX);

        return first ? container_of(first, Item, link)->name : '-';
}

static void assert_order(Stage *stage, const char *names) {
        for (; *names; names++)
                assert_int_equal(take(stage), *names);
        assert_int_equal(take(stage), '-');
        assert_true(fair_queue_is_empty(&stage->queue));
}

static void one_user_is_served_as_they_came(void **state) {
        Stage *stage = *state;
        Item items[3];

        for (size_t i = 0; i < ELEMENTS(items); i++)
                push(stage, 0, &items[i], "abc"[i]);
        assert_false(fair_queue_is_empty(&stage->queue));
        assert_order(stage, "abc");
}

static void users_take_turns(void **state) {
        Stage *stage = *state;
        Item items[7];

        for (size_t i = 0; i < 4; i++)
                push(stage, 0, &items[i], "abcd"[i]);
        push(stage, 1, &items[4], 'x');
        push(stage, 2, &items[5], 'y');
        push(stage, 1, &items[6], 'z');
        assert_order(stage, "axybzcd");
}

static void who_comes_again_is_behind_those_who_wait(void **state) {
        Stage *stage = *state;
        Item items[5];

        push(stage, 0, &items[0], 'a');
        push(stage, 1, &items[1], 'x');
        push(stage, 1, &items[2], 'z');
        assert_int_equal(take(stage), 'a');
        push(stage, 0, &items[3], 'b');
        assert_int_equal(take(stage), 'x');
        push(stage, 1, &items[4], 'w');
        assert_order(stage, "bzw");
}

/* As when their caller has left. */
static void what_is_taken_out_costs_nobody_a_turn(void **state) {
        Stage *stage = *state;
        Item items[4];

        push(stage, 0, &items[0], 'a');
        push(stage, 1, &items[1], 'x');
        push(stage, 2, &items[2], 'y');
        list_unlink(&items[0].link);
        assert_false(fair_queue_is_empty(&stage->queue));
        assert_int_equal(take(stage), 'x');
        list_unlink(&items[2].link);
        assert_true(fair_queue_is_empty(&stage->queue));
        push(stage, 0, &items[3], 'b');
        assert_order(stage, "b");
}

static void who_is_full_is_passed_over(void **state) {
        UserCharge charges[16];
        Stage *stage = *state;
        Item items[3];

        push(stage, 0, &items[0], 'a');
        push(stage, 1, &items[1], 'x');
        push(stage, 0, &items[2], 'b');
        for (size_t i = 0; i < ELEMENTS(charges); i++)
                assert_ok(user_charge(stage->of[0], USER_CHECKS_SENT, NULL, &charges[i]));
        assert_ptr_equal(fair_queue_take(&stage->queue, USER_CHECKS_SENT), &items[1].link);
        assert_null(fair_queue_take(&stage->queue, USER_CHECKS_SENT));
        assert_false(fair_queue_is_empty(&stage->queue));
        user_charge_done(&charges[0]);
        assert_ptr_equal(fair_queue_take(&stage->queue, USER_CHECKS_SENT), &items[0].link);
        for (size_t i = 1; i < ELEMENTS(charges); i++)
                user_charge_done(&charges[i]);
        assert_order(stage, "b");
}

static void what_is_full_is_its_user_s_alone(void **state) {
        static UserCharge charges[512];
        UserCharge more, other;
        Stage *stage = *state;

        for (size_t i = 0; i < ELEMENTS(charges); i++) {
                assert_false(user_is_full(stage->of[0], USER_QUEUED_CALLS));
                assert_ok(user_charge(stage->of[0], USER_QUEUED_CALLS, NULL, &charges[i]));
        }
        assert_true(user_is_full(stage->of[0], USER_QUEUED_CALLS));
        assert_int_equal(user_charge(stage->of[0], USER_QUEUED_CALLS, NULL, &more), -EUSERS);
        assert_ok(user_charge(stage->of[1], USER_QUEUED_CALLS, NULL, &other));
        user_charge_done(&charges[0]);
        user_charge_done(&charges[0]); /* once is enough */
        assert_ok(user_charge(stage->of[0], USER_QUEUED_CALLS, NULL, &more));
        assert_true(user_is_full(stage->of[0], USER_QUEUED_CALLS));
        user_charge_done(&more);
        user_charge_done(&other);
        for (size_t i = 1; i < ELEMENTS(charges); i++)
                user_charge_done(&charges[i]);
}

static void prompts_are_few_of_a_connection_of_a_user_and_of_all(void **state) {
        unsigned connections[3] = { 0 }, others[64] = { 0 };
        UserCharge charges[3], more[40] = { 0 };
        Stage *stage = *state;
        size_t n = 0;

        assert_ok(user_charge(stage->of[0], USER_PROMPTS, &connections[0], &charges[0]));
        assert_int_equal(user_charge(stage->of[0], USER_PROMPTS, &connections[0], &charges[1]),
                        -EUSERS);
        assert_ok(user_charge(stage->of[0], USER_PROMPTS, &connections[1], &charges[1]));
        assert_int_equal(user_charge(stage->of[0], USER_PROMPTS, &connections[2], &charges[2]),
                        -EUSERS);
        for (uid_t uid = 2000; uid < 2040; uid++) {
                User *user = user_get(stage->users, uid);

                n += user_charge(user, USER_PROMPTS, &others[uid - 2000], &more[uid - 2000]) >= 0;
                user_put(user);
        }
        assert_int_equal(n, 30);
        for (size_t i = 0; i < ELEMENTS(more); i++)
                user_charge_done(&more[i]);
        user_charge_done(&charges[0]);
        user_charge_done(&charges[1]);
        for (size_t i = 0; i < ELEMENTS(connections); i++)
                assert_int_equal(connections[i], 0);
}

/* As long as their creations count, whoever else comes and goes. */
static void who_has_made_much_of_late_is_not_forgotten(void **state) {
        Stage *stage = *state;
        User *user = user_get(stage->users, 2000);

        rate_limit_spend(&user->creations, clock_now_usec(), 20 * UINT64_C(1000000));
        user_put(user);
        for (uid_t uid = 3000; uid < 3200; uid++)
                user_put(user_get(stage->users, uid));
        assert_ptr_equal(user_find(stage->users, 2000), user);
        user->creations.theoretical_arrival = 0;
        user_put(user_get(stage->users, 3000));
        assert_null(user_find(stage->users, 2000));
        assert_int_equal(stage->users->n_idle, 64);
}

/* For what was written about them of late. */
static void of_those_who_have_nothing_64_are_remembered(void **state) {
        Stage *stage = *state;
        User *user = user_get(stage->users, 2000);

        user->logs[USER_LOG_DECISIONS].left_out = 7;
        user_put(user);
        for (uid_t uid = 3000; uid < 3063; uid++)
                user_put(user_get(stage->users, uid));
        user = user_get(stage->users, 2000);
        assert_int_equal(user->logs[USER_LOG_DECISIONS].left_out, 7);
        user_put(user);
        for (uid_t uid = 4000; uid < 4064; uid++)
                user_put(user_get(stage->users, uid));
        user = user_get(stage->users, 2000);
        assert_int_equal(user->logs[USER_LOG_DECISIONS].left_out, 0);
        user_put(user);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(one_user_is_served_as_they_came),
                CASE(users_take_turns),
                CASE(who_comes_again_is_behind_those_who_wait),
                CASE(what_is_taken_out_costs_nobody_a_turn),
                CASE(who_is_full_is_passed_over),
                CASE(what_is_full_is_its_user_s_alone),
                CASE(prompts_are_few_of_a_connection_of_a_user_and_of_all),
                CASE(who_has_made_much_of_late_is_not_forgotten),
                CASE(of_those_who_have_nothing_64_are_remembered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
