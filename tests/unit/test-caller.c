/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Identification of callers and the run queue, on a slow bus: how many calls are kept, and that
 * none waits for ever. The bus and its callers are the test's (fake-bus.h); a stand-in for a
 * handler answers at once.
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
        unsigned noise, heard; /* signals that were sent, and that were read */
} Stage;

static int on_handler(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        if (!sd_bus_message_is_method_call(call, NULL, "Test"))
                return 0;
        return sd_bus_reply_method_return(call, NULL);
}

/* The same as in access. */
static int on_gate(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        static const PolicyRow row = { .policy = POLICY_AUTHORIZE };
        Failure failure = FAILURE_INIT;
        Stage *stage = userdata;
        int r;

        stage->heard += sd_bus_message_is_signal(call, NULL, "Noise") > 0;
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
        fake_bus_enter(&stage->bus);
        stage->users = users_new();
        assert_non_null(stage->users);
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
        users_free(stage->users);
        sd_event_source_disable_unref(stage->after_handler);
        sd_bus_slot_unref(stage->gate);
        sd_bus_slot_unref(stage->handler);
        fake_bus_leave(&stage->bus);
        free(stage);
        return 0;
}

static const FakeCall *call(Stage *stage, unsigned uid, unsigned connection) {
        char caller[32];

        snprintf(caller, sizeof(caller), ":%u.%u", uid, connection);
        return fake_bus_send(&stage->bus,
                        fake_bus_new_call(&stage->bus, caller, "/org/vnicd1", "org.vnicd1.Test",
                                        "Test"));
}

static void run(Stage *stage) {
        fake_bus_run(&stage->bus, 0);
}

static void assert_all_served(const Stage *stage, unsigned but) {
        unsigned refused = 0;

        for (size_t i = 0; i < stage->bus.n_calls; i++) {
                const FakeCall *one = &stage->bus.calls[i];

                assert_int_equal(one->answers, 1);
                refused += strcmp(one->error, LIMITS_EXCEEDED) == 0;
                assert_true(*one->error == '\0' || strcmp(one->error, LIMITS_EXCEEDED) == 0);
        }
        assert_int_equal(refused, but);
}

static void of_unknown_callers_1024_calls_are_kept(void **state) {
        Stage *stage = *state;
        const FakeCall *last, *beyond;

        stage->bus.silent = true;
        for (unsigned i = 0; i < 1023; i++)
                call(stage, 1000 + i / 100, i);
        last = call(stage, 2000, 1);
        beyond = call(stage, 2000, 2);
        run(stage);
        assert_int_equal(last->answers, 0);
        assert_int_equal(beyond->answers, 1);
        assert_string_equal(beyond->error, LIMITS_EXCEEDED);
        fake_bus_speak(&stage->bus);
        run(stage);
        call(stage, 2000, 2);
        run(stage);
        assert_all_served(stage, 1);
}

/* The more users wait, the fewer calls each may have. */
static void a_few_unknown_callers_keep_no_other_out(void **state) {
        Stage *stage = *state;
        const FakeCall *other;

        stage->bus.silent = true;
        for (unsigned i = 0; i < 8 * 128; i++)
                call(stage, 1000, i % 8);
        other = call(stage, 2000, 1);
        run(stage);
        assert_int_equal(other->answers, 0);
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_int_equal(other->answers, 1);
        assert_string_equal(other->error, "");
}

static void the_bus_is_asked_about_32_callers_at_a_time(void **state) {
        Stage *stage = *state;

        stage->bus.silent = true;
        for (unsigned i = 0; i < 100; i++)
                call(stage, 1000, i);
        run(stage);
        assert_int_equal(stage->bus.n_said, 32);
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_int_equal(stage->bus.n_said, 100);
        assert_all_served(stage, 0);
}

/* The caller is denied with each call: nothing about it is remembered. */
static void whose_user_the_bus_does_not_tell_is_denied(void **state) {
        Stage *stage = *state;

        stage->bus.hides_uid = true;
        for (unsigned i = 0; i < 2; i++) {
                const FakeCall *one = call(stage, 1000, 1);

                run(stage);
                assert_int_equal(one->answers, 1);
                assert_string_equal(one->error, ACCESS_DENIED);
        }
        stage->bus.hides_uid = false;
        call(stage, 1000, 1);
        run(stage);
        assert_string_equal(stage->bus.calls[2].error, "");
}

/* The service finds something to read whenever it checks. */
static void make_noise(Stage *stage) {
        for (; stage->noise < stage->heard + 20; stage->noise++)
                assert_ok(sd_bus_emit_signal(
                                stage->bus.other, "/org/test", "org.test", "Noise", NULL));
}

static uint64_t now_msec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Everything available is read before the service asks about callers and before the next call is
 * dispatched, but only for a few milliseconds. */
static void a_bus_that_is_never_quiet_keeps_nobody_waiting(void **state) {
        const uint64_t begin = now_msec();
        Stage *stage = *state;

        for (unsigned i = 0; i < 3; i++) {
                const FakeCall *one = call(stage, 1000, 1), *other = call(stage, 1001, 1);

                while (one->answers + other->answers < 2 && now_msec() < begin + 5000) {
                        make_noise(stage);
                        assert_ok(sd_event_run(stage->bus.event, 0));
                }
                assert_int_equal(one->answers, 1);
                assert_int_equal(other->answers, 1);
        }
        assert_true(stage->heard > 20);
        run(stage);
        assert_all_served(stage, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(of_unknown_callers_1024_calls_are_kept),
                CASE(a_few_unknown_callers_keep_no_other_out),
                CASE(the_bus_is_asked_about_32_callers_at_a_time),
                CASE(whose_user_the_bus_does_not_tell_is_denied),
                CASE(a_bus_that_is_never_quiet_keeps_nobody_waiting),
        };

        return cmocka_run_group_tests_name("caller", tests, NULL, NULL);
}
