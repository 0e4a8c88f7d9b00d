/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls that wait for polkit: how many may, of whom, and that none is lost or stays. The bus, its
 * callers and polkit are the test's (fake-bus.h); a stand-in for a handler asks as many questions
 * as the call says.
 */

#include <stdlib.h>
#include <time.h>

#include "access/call.h"
#include "common/bus-error.h"
#include "fake-bus.h"
#include "testing.h"

#define LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"
#define ACCESS_DENIED   "org.freedesktop.DBus.Error.AccessDenied"

typedef struct Stage {
        FakeBus bus;
        Users *users;
        Calls *calls;
        sd_event_source *after_handler;
        sd_bus_slot *handler, *gate;
        unsigned runs;   /* of the handler */
        bool is_blocked; /* an authorized call has to wait for something else, */
        List blocked_on; /* and waits for this: RemovalWaiter.link */
} Stage;

static time_t later; /* seconds that have passed, for the service */

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret) {
        int r = __real_clock_gettime(clock, ret);

        ret->tv_sec += later;
        return r;
}

/* One question after the other, as a handler asks about several bridges; the last verdict counts.
 */
static int ask(Stage *stage, sd_bus_message *message, Failure *failure) {
        Call *call = calls_running(stage->calls, message);
        AuthorizationQuestion question = {
                .polkit = { .action = "org.vnicd1.use-bridge", .details = { { "bridge", "" } } },
                .may_ask = true,
        };
        PolkitVerdict verdict = POLKIT_YES;
        bool pending = false;
        uint32_t questions;
        int r;

        assert_non_null(call);
        r = sd_bus_message_read(message, "u", &questions);
        for (uint32_t i = 0; r >= 0 && i < questions; i++) {
                snprintf(question.polkit.details[0].value, sizeof(question.polkit.details[0].value),
                                "br%u", (unsigned)i);
                r = authorization_ask(&call->authorization, &question, &verdict, failure);
                pending = pending || r == 0;
        }
        if (r < 0 || pending)
                return r;
        if (verdict != POLKIT_YES)
                return authorization_refuse(&call->authorization, &question, verdict, failure);
        if (stage->is_blocked)
                return call_block_on(call, &stage->blocked_on, NULL, NULL);
        return sd_bus_reply_method_return(message, NULL);
}

static int on_handler(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        Stage *stage = userdata;

        if (!sd_bus_message_is_method_call(call, NULL, "Ask"))
                return 0;
        stage->runs++;
        return error_answer(error, &failure, ask(stage, call, &failure));
}

/* The same as in access. */
static int on_gate(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        static const PolicyRow row = { .policy = POLICY_AUTHORIZE };
        Failure failure = FAILURE_INIT;
        Stage *stage = userdata;
        int r;

        if (!sd_bus_message_is_method_call(call, NULL, NULL))
                return 0;
        r = calls_enter(stage->calls, call, &row, &failure);
        return r > 0 ? 0 : error_answer(error, &failure, r);
}

static int on_round(sd_event_source *source, void *userdata) {
        const Stage *stage = userdata;

        calls_after_handler(stage->calls);
        return 0;
}

static int set_up(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));

        assert_non_null(stage);
        later = 0;
        list_init(&stage->blocked_on);
        stage->users = users_new();
        assert_non_null(stage->users);
        fake_bus_enter(&stage->bus);
        /* The filter that is added last sees a message first. */
        assert_ok(sd_bus_add_filter(stage->bus.service, &stage->handler, on_handler, stage));
        assert_ok(calls_new(&stage->calls, stage->bus.service, stage->users));
        assert_ok(sd_event_add_post(stage->bus.event, &stage->after_handler, on_round, stage));
        assert_ok(sd_event_source_set_priority(
                        stage->after_handler, SD_EVENT_PRIORITY_NORMAL - 10));
        assert_ok(sd_bus_add_filter(stage->bus.service, &stage->gate, on_gate, stage));
        *state = stage;
        return 0;
}

static int tear_down(void **state) {
        Stage *stage = *state;

        calls_free(stage->calls);
        assert_true(list_is_empty(&stage->blocked_on));
        users_free(stage->users);
        sd_event_source_disable_unref(stage->after_handler);
        sd_bus_slot_unref(stage->gate);
        sd_bus_slot_unref(stage->handler);
        fake_bus_leave(&stage->bus);
        free(stage);
        return 0;
}

static const FakeCall *call(Stage *stage, unsigned uid, unsigned connection, unsigned questions) {
        sd_bus_message *message;
        char caller[32];

        snprintf(caller, sizeof(caller), ":%u.%u", uid, connection);
        message = fake_bus_new_call(&stage->bus, caller, "/org/vnicd1", "org.vnicd1.Test", "Ask");
        assert_ok(sd_bus_message_append(message, "u", questions));
        assert_ok(sd_bus_message_set_allow_interactive_authorization(message, true));
        return fake_bus_send(&stage->bus, message);
}

/* One user makes as many calls on as few connections as possible: 32 of each. */
static void call_often(Stage *stage, unsigned uid, unsigned calls, unsigned questions) {
        for (unsigned i = 0; i < calls; i++)
                call(stage, uid, i / 32, questions);
}

static void run(Stage *stage) {
        fake_bus_run(&stage->bus, 0);
}

static unsigned count_refused(const Stage *stage) {
        unsigned n = 0;

        for (size_t i = 0; i < stage->bus.n_calls; i++)
                n += strcmp(stage->bus.calls[i].error, LIMITS_EXCEEDED) == 0;
        return n;
}

/* Answers all checks that polkit has, and those that it gets then. */
static void answer_all(Stage *stage, bool authorized) {
        for (size_t i = 0; i < stage->bus.n_checks; i++) {
                if (!stage->bus.checks[i].question)
                        continue;
                fake_bus_answer(&stage->bus, i, authorized, false);
                if (i + 1 == stage->bus.n_checks)
                        run(stage);
        }
        run(stage);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 0);
}

static void assert_all_answered_once(const Stage *stage) {
        for (size_t i = 0; i < stage->bus.n_calls; i++)
                assert_int_equal(stage->bus.calls[i].answers, 1);
}

static void a_call_that_polkit_allows_is_carried_out(void **state) {
        Stage *stage = *state;
        const FakeCall *one = call(stage, 1000, 1, 1);

        run(stage);
        assert_int_equal(one->answers, 0);
        fake_bus_answer(&stage->bus, 0, true, false);
        run(stage);
        assert_int_equal(one->answers, 1);
        assert_string_equal(one->error, "");
        assert_int_equal(stage->runs, 2);
}

/* There are enough other callers to evict it, and as many new ones as are kept. */
static void a_caller_stays_known_while_polkit_is_asked_about_his_call(void **state) {
        Stage *stage = *state;
        const FakeCall *one;
        size_t asked;

        call(stage, 1000, 1, 0);
        run(stage); /* they have no call here meanwhile */
        one = call(stage, 1000, 1, 1);
        run(stage);
        for (unsigned i = 0; i < 100; i++)
                call(stage, 2000, i, 0);
        run(stage);
        asked = stage->bus.n_said;
        call(stage, 1000, 1, 0);
        run(stage);
        assert_int_equal(stage->bus.n_said, asked);
        stage->bus.silent = true;
        for (unsigned i = 0; i < 1024; i++)
                call(stage, 3000, i, 0);
        run(stage);
        assert_int_equal(count_refused(stage), 0);
        asked = stage->bus.n_said;
        fake_bus_answer(&stage->bus, 0, true, false);
        run(stage);
        assert_int_equal(one->answers, 1);
        assert_string_equal(one->error, "");
        assert_int_equal(stage->bus.n_said,
                        asked); /* nor is the bus asked again who the caller is */
        fake_bus_speak(&stage->bus);
}

/* The 64 callers that are remembered have no call here. */
static void who_had_a_call_open_is_forgotten_afterwards_as_others_are(void **state) {
        Stage *stage = *state;
        size_t asked;

        call(stage, 1000, 1, 1);
        run(stage);
        answer_all(stage, false);
        call(stage, 1000, 1, 0);
        run(stage);
        asked = stage->bus.n_said;
        assert_int_equal(asked, 1);
        for (unsigned i = 0; i < 64; i++)
                call(stage, 2000, i, 0);
        run(stage);
        asked = stage->bus.n_said;
        call(stage, 1000, 1, 0);
        run(stage);
        assert_int_equal(stage->bus.n_said, asked + 1);
        assert_all_answered_once(stage);
}

static void who_leaves_with_a_call_open_is_known_no_more(void **state) {
        Stage *stage = *state;

        for (unsigned i = 0; i < 100; i++) {
                call(stage, 1000, 1, 1);
                run(stage);
                assert_int_equal(stage->bus.n_said, i + 1);
                fake_bus_hang_up(&stage->bus, ":1000.1");
                run(stage);
        }
        assert_int_equal(stage->runs, 100);
}

static void of_one_user_64_calls_wait(void **state) {
        Stage *stage = *state;

        call_often(stage, 1000, 64, 1);
        run(stage);
        assert_int_equal(count_refused(stage), 0);
        call(stage, 1000, 9, 1);
        call(stage, 1001, 1, 1);
        run(stage);
        assert_int_equal(count_refused(stage), 1);
        answer_all(stage, true);
        assert_all_answered_once(stage);
}

static void of_all_users_256_calls_wait(void **state) {
        Stage *stage = *state;
        const FakeCall *beyond;

        for (unsigned uid = 1000; uid < 1004; uid++)
                call_often(stage, uid, 64, 1);
        run(stage);
        assert_int_equal(count_refused(stage), 0);
        beyond = call(stage, 1004, 1, 1);
        run(stage);
        assert_string_equal(beyond->error, LIMITS_EXCEEDED);
        /* One leaves, so there is room for one. */
        fake_bus_answer(&stage->bus, 0, false, false);
        run(stage);
        call(stage, 1004, 1, 1);
        run(stage);
        assert_int_equal(count_refused(stage), 1);
        beyond = call(stage, 1004, 1, 1);
        run(stage);
        assert_string_equal(beyond->error, LIMITS_EXCEEDED);
        answer_all(stage, true);
        assert_int_equal(count_refused(stage), 2);
        assert_all_answered_once(stage);
}

static void polkit_has_16_questions_of_one_user_and_64_of_all(void **state) {
        Stage *stage = *state;

        call_often(stage, 1000, 20, 1);
        run(stage);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 16);
        for (unsigned uid = 1001; uid < 1006; uid++)
                call_often(stage, uid, 16, 1);
        run(stage);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 64);
        fake_bus_answer(&stage->bus, 0, true, false);
        run(stage);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 64);
        assert_int_equal(stage->bus.n_checks, 65);
        answer_all(stage, true);
        assert_int_equal(stage->bus.n_checks, 100);
        assert_all_answered_once(stage);
}

static void of_one_user_4096_questions_wait(void **state) {
        Stage *stage = *state;
        const FakeCall *last, *beyond, *other;

        call_often(stage, 1000, 62, 66);
        last = call(stage, 1000, 2, 4);
        run(stage);
        assert_int_equal(last->answers, 0);
        beyond = call(stage, 1000, 3, 1);
        other = call(stage, 1001, 1, 1);
        run(stage);
        assert_int_equal(beyond->answers, 1);
        assert_string_equal(beyond->error, LIMITS_EXCEEDED);
        assert_int_equal(other->answers, 0);
        answer_all(stage, true);
        assert_int_equal(stage->bus.n_checks, 4096 + 1);
        assert_int_equal(count_refused(stage), 1);
        assert_all_answered_once(stage);
}

static void a_call_that_is_refused_amid_its_questions_asks_none_of_them(void **state) {
        Stage *stage = *state;
        const FakeCall *beyond;

        call_often(stage, 1000, 62, 66);
        run(stage);
        beyond = call(stage, 1000, 3, 5);
        run(stage);
        assert_string_equal(beyond->error, LIMITS_EXCEEDED);
        answer_all(stage, true);
        assert_all_answered_once(stage);
        assert_int_equal(stage->bus.n_checks, 62 * 66);
        assert_int_equal(stage->runs, 2 * 62 + 1);
}

/* What it was waiting for is over. */
static void go_on(Stage *stage, time_t seconds) {
        later += seconds;
        assert_false(list_is_empty(&stage->blocked_on));
        notify_removed(&stage->blocked_on, 0);
        run(stage);
}

/* That one waits, authorized, for something else. */
static const FakeCall *call_blocked(Stage *stage) {
        const FakeCall *one = call(stage, 1000, 1, 1);

        stage->is_blocked = true;
        run(stage);
        fake_bus_answer(&stage->bus, 0, true, false);
        run(stage);
        assert_int_equal(one->answers, 0);
        return one;
}

static void a_yes_is_good_for_a_call_that_then_waits_for_half_a_minute(void **state) {
        Stage *stage = *state;
        const FakeCall *one = call_blocked(stage);

        go_on(stage, 14);
        stage->is_blocked = false;
        go_on(stage, 14);
        assert_int_equal(stage->bus.n_checks, 1);
        assert_int_equal(one->answers, 1);
        assert_string_equal(one->error, "");
}

static void assert_is_asked_again(Stage *stage, const FakeCall *one) {
        assert_int_equal(one->answers, 0);
        assert_int_equal(stage->bus.n_checks, 2);
        fake_bus_answer(&stage->bus, 1, false, false);
        run(stage);
        assert_int_equal(one->answers, 1);
        assert_string_equal(one->error, ACCESS_DENIED);
}

/* Otherwise an authorization that was withdrawn meanwhile would still be used. */
static void a_yes_that_is_older_is_asked_for_again(void **state) {
        Stage *stage = *state;
        const FakeCall *one = call_blocked(stage);

        stage->is_blocked = false;
        go_on(stage, 31);
        assert_is_asked_again(stage, one);
}

static void a_yes_does_not_grow_younger_by_waiting_twice(void **state) {
        Stage *stage = *state;
        const FakeCall *one = call_blocked(stage);

        go_on(stage, 20);
        stage->is_blocked = false;
        go_on(stage, 20);
        assert_is_asked_again(stage, one);
}

/* Each question waits for an administrator: there is a prompt for each user's two connections. */
static void people_are_asked_32_questions_at_a_time(void **state) {
        Stage *stage = *state;
        unsigned prompts = 0;

        for (unsigned i = 0; i < 33; i++)
                call(stage, 1000 + i / 2, i, 1);
        run(stage);
        for (size_t i = 0; i < 33; i++) {
                assert_false(stage->bus.checks[i].interactive);
                fake_bus_answer(&stage->bus, i, false, true);
        }
        run(stage);
        for (size_t i = 33; i < stage->bus.n_checks; i++)
                prompts += stage->bus.checks[i].interactive;
        assert_int_equal(prompts, 32);
        assert_int_equal(count_refused(stage), 1);
        answer_all(stage, true);
        assert_int_equal(count_refused(stage), 1);
        assert_all_answered_once(stage);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_call_that_polkit_allows_is_carried_out),
                CASE(a_caller_stays_known_while_polkit_is_asked_about_his_call),
                CASE(who_had_a_call_open_is_forgotten_afterwards_as_others_are),
                CASE(who_leaves_with_a_call_open_is_known_no_more),
                CASE(of_one_user_64_calls_wait),
                CASE(of_all_users_256_calls_wait),
                CASE(polkit_has_16_questions_of_one_user_and_64_of_all),
                CASE(of_one_user_4096_questions_wait),
                CASE(a_call_that_is_refused_amid_its_questions_asks_none_of_them),
                CASE(a_yes_is_good_for_a_call_that_then_waits_for_half_a_minute),
                CASE(a_yes_that_is_older_is_asked_for_again),
                CASE(a_yes_does_not_grow_younger_by_waiting_twice),
                CASE(people_are_asked_32_questions_at_a_time),
        };

        return cmocka_run_group_tests_name("authorization", tests, NULL, NULL);
}
