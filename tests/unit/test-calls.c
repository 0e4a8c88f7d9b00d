/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A call from first sight to its answer, in the whole service: who makes it is asked, it waits for
 * its turn, for polkit, for something that is going; and it is answered once, or its caller has
 * left. The bus, its callers and polkit are the test's (fake-bus.h).
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/service.h"
#include "fake-bus.h"
#include "kernel/link.h"
#include "testing.h"
#include "world.h"

#define MANAGER  "org.vnicd1.Manager"
#define ENDPOINT "org.vnicd1.Endpoint"
#define ROOT     ":0.1"

#define ACCESS_DENIED        "org.freedesktop.DBus.Error.AccessDenied"
#define INTERACTION_REQUIRED "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
#define LIMITS_EXCEEDED      "org.freedesktop.DBus.Error.LimitsExceeded"
#define KERNEL               "org.vnicd1.Error.KernelError"
#define NO_SUCH_ENDPOINT     "org.vnicd1.Error.NoSuchEndpoint"
#define STALE                "org.vnicd1.Error.Stale"

#define MAC "52:54:00:00:66:01"

typedef struct Stage {
        FakeBus bus;
        Service *service;
        char folder[40];
} Stage;

static atomic_bool deletions_wait, deletions_fail;

int __real_link_delete(Netlink *netlink, int ifindex, Failure *failure);
int __wrap_link_delete(Netlink *netlink, int ifindex, Failure *failure);

/* In a thread. */
int __wrap_link_delete(Netlink *netlink, int ifindex, Failure *failure) {
        while (deletions_wait)
                usleep(1000);
        return deletions_fail ? -EBUSY : __real_link_delete(netlink, ifindex, failure);
}

static int set_up(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));
        Failure failure = FAILURE_INIT;

        assert_non_null(stage);
        if (world_enter(state) < 0)
                return -1;
        strcpy(stage->folder, "/tmp/vnicd-calls-XXXXXX");
        assert_non_null(mkdtemp(stage->folder));
        setenv("CONFIGURATION_DIRECTORY", stage->folder, true);
        setenv("RUNTIME_DIRECTORY", stage->folder, true);
        world_run("ip link add br0 type bridge");
        fake_bus_enter(&stage->bus);
        if (service_new(&stage->service, stage->bus.event, stage->bus.service, &failure) < 0)
                fail_msg("no service: %s", failure.text);
        fake_bus_run(&stage->bus, 20);
        *state = stage;
        return 0;
}

static void run(Stage *stage) {
        fake_bus_run(&stage->bus, 5);
}

/* What it sends as it stops has arrived. As in the program, its connection is not read again. */
static void stop_service(Stage *stage) {
        deletions_wait = false;
        stage->service = service_free(stage->service);
        assert_ok(sd_bus_detach_event(stage->bus.service));
        assert_ok(sd_bus_flush(stage->bus.service));
        run(stage);
}

static int tear_down(void **state) {
        Stage *stage = *state;
        char command[64];

        if (stage->service)
                stop_service(stage);
        fake_bus_leave(&stage->bus);
        snprintf(command, sizeof(command), "rm -r %s", stage->folder);
        assert_int_equal(system(command), 0);
        free(stage);
        return 0;
}

/* Calls */

static sd_bus_message *new_call(Stage *stage, const char *caller, const char *member) {
        return fake_bus_new_call(&stage->bus, caller, SERVICE_PATH, MANAGER, member);
}

/* Is answered with an error, and by nobody but its handler. */
static const FakeCall *call(Stage *stage, unsigned uid, unsigned connection) {
        sd_bus_message *message;
        char caller[32];

        snprintf(caller, sizeof(caller), ":%u.%u", uid, connection);
        message = new_call(stage, caller, "GetEndpoint");
        assert_ok(sd_bus_message_append(message, "s", "nobody"));
        return fake_bus_send(&stage->bus, message);
}

static sd_bus_message *new_create_tap(
                Stage *stage, const char *caller, const char *bridge, bool persistent) {
        sd_bus_message *message = new_call(stage, caller, "CreateTap");

        assert_ok(sd_bus_message_append(message, "sbba{sv}", bridge, true, false, 1, "persistent",
                        "b", persistent));
        return message;
}

static const FakeCall *create_tap(Stage *stage, const char *caller, const char *bridge) {
        return fake_bus_send(&stage->bus, new_create_tap(stage, caller, bridge, false));
}

/* With two questions, and a person may be asked. */
static const FakeCall *create_persistent(Stage *stage, const char *caller) {
        sd_bus_message *message = new_create_tap(stage, caller, "br0", true);

        assert_ok(sd_bus_message_set_allow_interactive_authorization(message, true));
        return fake_bus_send(&stage->bus, message);
}

static const FakeCall *create_with_mac(Stage *stage, const char *caller) {
        sd_bus_message *message = new_call(stage, caller, "CreateTap");

        assert_ok(sd_bus_message_append(
                        message, "sbba{sv}", "br0", true, false, 1, "guest_mac", "s", MAC));
        return fake_bus_send(&stage->bus, message);
}

static const FakeCall *release(Stage *stage, const FakeCall *created) {
        const char *path;

        assert_ok(sd_bus_message_rewind(created->answer, true));
        assert_ok(sd_bus_message_read(created->answer, "o", &path));
        return fake_bus_send(&stage->bus,
                        fake_bus_new_call(&stage->bus, ROOT, path, ENDPOINT, "Release"));
}

static void run_until_answered(Stage *stage, const FakeCall *call) {
        for (int i = 0; i < 500 && call->answers == 0; i++)
                assert_ok(sd_event_run(stage->bus.event, 10000));
        run(stage);
        assert_int_equal(call->answers, 1);
}

static void assert_answered(const FakeCall *call, const char *error) {
        assert_int_equal(call->answers, 1);
        assert_string_equal(call->error, error);
}

static void answer(Stage *stage, size_t check, bool authorized, bool challenge) {
        fake_bus_answer(&stage->bus, check, authorized, challenge);
        run(stage);
}

/* Who is known needs no more questions. */
static void make_known(Stage *stage, unsigned uid, unsigned connection) {
        const FakeCall *first = call(stage, uid, connection);

        run(stage);
        assert_answered(first, NO_SUCH_ENDPOINT);
}

static unsigned count_answered(const Stage *stage, const char *error) {
        unsigned n = 0;

        for (size_t i = 0; i < stage->bus.n_calls; i++)
                n += stage->bus.calls[i].answers == 1 &&
                                strcmp(stage->bus.calls[i].error, error) == 0;
        return n;
}

static void assert_stopping(const FakeCall *call) {
        const sd_bus_error *error;

        assert_answered(call, KERNEL);
        error = sd_bus_message_get_error(call->answer);
        assert_non_null(strstr(error->message, "The service is stopping"));
}

/* Who calls */

static void a_call_is_kept_until_it_is_known_who_makes_it(void **state) {
        Stage *stage = *state;
        const FakeCall *one, *other;

        stage->bus.silent = true;
        one = call(stage, 1000, 1);
        other = call(stage, 1000, 1);
        run(stage);
        assert_int_equal(one->answers, 0);
        assert_int_equal(stage->bus.n_said, 1); /* one question, whatever they call */
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_answered(one, NO_SUCH_ENDPOINT);
        assert_answered(other, NO_SUCH_ENDPOINT);
        assert_true(one->order < other->order);
        make_known(stage, 1000, 1);
        assert_int_equal(stage->bus.n_said, 1);
}

static void whom_the_bus_does_not_tell_of_is_refused(void **state) {
        static const struct {
                const char *error, *answer;
        } errors[] = {
                { "org.freedesktop.DBus.Error.Failed", ACCESS_DENIED },
                { LIMITS_EXCEEDED, LIMITS_EXCEEDED },
                { "org.freedesktop.DBus.Error.TimedOut", LIMITS_EXCEEDED },
                { "org.freedesktop.DBus.Error.NoReply", LIMITS_EXCEEDED },
        };
        Stage *stage = *state;

        for (size_t i = 0; i < ELEMENTS(errors); i++) {
                const FakeCall *one = call(stage, 1000, 1), *other = call(stage, 1000, 1);

                stage->bus.ignorance = errors[i].error;
                run(stage);
                assert_answered(one, errors[i].answer);
                assert_answered(other, errors[i].answer);
        }
        stage->bus.ignorance = NULL;
        make_known(stage, 1000, 1);
}

static void whom_the_bus_does_not_know_any_more_waits_for_nothing(void **state) {
        Stage *stage = *state;
        const FakeCall *one = call(stage, 1000, 1);

        stage->bus.ignorance = "org.freedesktop.DBus.Error.NameHasNoOwner";
        run(stage);
        assert_int_equal(one->answers, 0);
        stage->bus.ignorance = NULL;
        make_known(stage, 1000, 2);
        stop_service(stage);
        assert_int_equal(one->answers, 0);
}

static void the_bus_is_not_asked_about_whoever_has_hung_up(void **state) {
        Stage *stage = *state;
        const FakeCall *one = call(stage, 1000, 1), *other;

        fake_bus_hang_up(&stage->bus, ":1000.1");
        run(stage);
        assert_int_equal(stage->bus.n_said, 0);
        stage->bus.silent = true;
        other = call(stage, 1000, 2);
        run(stage);
        assert_int_equal(stage->bus.n_said, 1);
        fake_bus_hang_up(&stage->bus, ":1000.2");
        run(stage);
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_int_equal(one->answers + other->answers, 0);
}

static void of_a_new_caller_128_calls_are_kept_and_of_all_1024(void **state) {
        Stage *stage = *state;

        stage->bus.silent = true;
        for (unsigned i = 0; i < 130; i++)
                call(stage, 1000, 1);
        run(stage);
        assert_int_equal(count_answered(stage, LIMITS_EXCEEDED), 2);
        for (unsigned i = 0; i < 900; i++)
                call(stage, 1001 + i / 300, i);
        run(stage);
        assert_int_equal(count_answered(stage, LIMITS_EXCEEDED), 2 + 128 + 900 - 1024);
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_int_equal(count_answered(stage, NO_SUCH_ENDPOINT), 1024);
        /* There is room again. */
        stage->bus.silent = true;
        for (unsigned i = 0; i < 128; i++)
                call(stage, 1005, 1);
        run(stage);
        assert_int_equal(count_answered(stage, LIMITS_EXCEEDED), 2 + 128 + 900 - 1024);
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_int_equal(count_answered(stage, NO_SUCH_ENDPOINT), 1024 + 128);
}

/* Whose turn it is */

static void assert_order(const FakeCall *const calls[], size_t n) {
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(calls[i]->answers, 1);
                if (i > 0)
                        assert_true(calls[i - 1]->order < calls[i]->order);
        }
}

static void users_take_turns_and_each_is_served_in_order(void **state) {
        const FakeCall *one[4], *two[2];
        Stage *stage = *state;

        for (unsigned i = 1; i <= 2; i++)
                make_known(stage, 1000, i);
        make_known(stage, 1001, 1);
        for (unsigned i = 0; i < 4; i++)
                one[i] = call(stage, 1000, 1 + i / 2); /* of two connections */
        for (unsigned i = 0; i < 2; i++)
                two[i] = call(stage, 1001, 1);
        run(stage);
        assert_order((const FakeCall *const[]){ one[0], two[0], one[1], two[1], one[2], one[3] },
                        6);
}

static void a_user_whose_line_is_full_is_refused_and_no_other(void **state) {
        Stage *stage = *state;
        const FakeCall *other;
        unsigned refused;

        for (unsigned i = 0; i < 6; i++)
                make_known(stage, 1000, i);
        make_known(stage, 1001, 1);
        for (unsigned i = 0; i < 520; i++)
                call(stage, 1000, i % 6);
        other = call(stage, 1001, 1);
        run(stage);
        refused = count_answered(stage, LIMITS_EXCEEDED);
        /* Those that got their turn meanwhile made room. */
        assert_in_range(refused, 0, 8);
        assert_int_equal(count_answered(stage, NO_SUCH_ENDPOINT), 7 + 520 - refused + 1);
        assert_answered(other, NO_SUCH_ENDPOINT);
}

/* All of a new caller's come to the line at once. */
static void of_a_user_512_calls_stand_in_line(void **state) {
        Stage *stage = *state;

        stage->bus.silent = true;
        for (unsigned i = 0; i < 600; i++)
                call(stage, 1000, i);
        run(stage);
        while (stage->bus.n_said < 600) {
                fake_bus_speak(&stage->bus);
                stage->bus.silent = true;
                run(stage);
        }
        fake_bus_speak(&stage->bus);
        run(stage);
        assert_int_equal(count_answered(stage, NO_SUCH_ENDPOINT) +
                                        count_answered(stage, LIMITS_EXCEEDED),
                        600);
        assert_true(count_answered(stage, NO_SUCH_ENDPOINT) >= 512);
}

static void what_a_caller_who_has_left_had_in_line_is_not_carried_out(void **state) {
        const FakeCall *calls[8], *other;
        Stage *stage = *state;
        unsigned answers = 0;

        make_known(stage, 1000, 1);
        make_known(stage, 1000, 2);
        for (size_t i = 0; i < ELEMENTS(calls); i++)
                calls[i] = call(stage, 1000, 1);
        other = call(stage, 1000, 2);
        fake_bus_hang_up(&stage->bus, ":1000.1");
        run(stage);
        for (size_t i = 0; i < ELEMENTS(calls); i++)
                answers += calls[i]->answers;
        assert_in_range(answers, 0, 1); /* one may have been on its way */
        assert_answered(other, NO_SUCH_ENDPOINT);
        stop_service(stage);
        assert_in_range(answers, 0, 1);
}

/* Verdicts */

static void a_verdict_is_for_one_message(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_tap(stage, ":1000.1", "br0");
        const FakeCall *other = create_tap(stage, ":1000.1", "br0"), *later;

        run(stage);
        assert_int_equal(stage->bus.n_checks, 2);
        answer(stage, 0, true, false);
        assert_answered(one, "");
        assert_int_equal(other->answers, 0);
        answer(stage, 1, false, false);
        assert_answered(other, ACCESS_DENIED);
        later = create_tap(stage, ":1000.1", "br0");
        run(stage);
        assert_int_equal(later->answers, 0);
        assert_int_equal(stage->bus.n_checks, 3);
        answer(stage, 2, true, false);
        assert_answered(later, "");
}

/* Between those of one call. */
static void a_verdict_is_for_one_question(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_persistent(stage, ":1000.1");

        run(stage);
        assert_int_equal(stage->bus.n_checks, 2);
        answer(stage, 0, true, false);
        assert_int_equal(one->answers, 0);
        answer(stage, 1, false, false);
        assert_answered(one, ACCESS_DENIED);
        assert_int_equal(world_count_links(), 2);
}

static void a_verdict_is_for_one_generation(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_tap(stage, ":1000.1", "br0");

        run(stage);
        world_run("ip link del br0 && ip link add br0 type bridge");
        run(stage);
        answer(stage, 0, true, false);
        assert_answered(one, STALE);
}

static void a_call_that_is_answered_leaves_no_question_behind(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_tap(stage, ":1000.1", "br0");

        run(stage);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 1);
        answer(stage, 0, false, true); /* nobody may be asked */
        assert_answered(one, INTERACTION_REQUIRED);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 0);
        assert_int_equal(stage->bus.n_cancelled, 0);
}

/* A tap with the MAC comes and goes while the question about another is open. Its Release. */
static const FakeCall *take_mac_away(Stage *stage) {
        const FakeCall *created = create_with_mac(stage, ROOT), *released;

        run_until_answered(stage, created);
        assert_answered(created, "");
        deletions_wait = true;
        released = release(stage, created);
        run(stage);
        assert_int_equal(released->answers, 0);
        return released;
}

static void a_verdict_is_kept_while_the_call_is_blocked(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_with_mac(stage, ":1000.1"), *released;

        run(stage);
        assert_int_equal(stage->bus.n_checks, 1);
        released = take_mac_away(stage);
        answer(stage, 0, true, false);
        assert_int_equal(one->answers, 0);
        deletions_wait = false;
        run_until_answered(stage, released);
        run_until_answered(stage, one);
        assert_answered(released, "");
        assert_answered(one, "");
        assert_int_equal(stage->bus.n_checks, 1);
}

/* Prompts */

static void prompts_are_shown_one_after_the_other(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_persistent(stage, ":1000.1");

        run(stage);
        assert_int_equal(stage->bus.n_checks, 2);
        answer(stage, 0, false, true);
        assert_int_equal(stage->bus.n_checks, 2);
        answer(stage, 1, false, true);
        assert_int_equal(stage->bus.n_checks, 3);
        assert_true(stage->bus.checks[2].interactive);
        assert_int_equal(fake_bus_open_checks(&stage->bus), 1);
        answer(stage, 2, true, false);
        assert_int_equal(stage->bus.n_checks, 4);
        assert_true(stage->bus.checks[3].interactive);
        assert_int_equal(one->answers, 0);
        answer(stage, 3, true, false);
        assert_answered(one, "");
        assert_int_equal(stage->bus.n_checks, 4);
}

static void with_the_first_prompt_that_is_not_granted_the_rest_are_not_shown(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_persistent(stage, ":1000.1");

        run(stage);
        answer(stage, 0, false, true);
        answer(stage, 1, false, true);
        answer(stage, 2, false, false);
        assert_answered(one, ACCESS_DENIED);
        assert_int_equal(stage->bus.n_checks, 3);
}

static void nobody_is_prompted_where_something_else_refuses(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_persistent(stage, ":1000.1");

        run(stage);
        answer(stage, 0, false, true);
        answer(stage, 1, false, false);
        assert_answered(one, ACCESS_DENIED);
        assert_int_equal(stage->bus.n_checks, 2);
}

static void a_connection_has_one_prompt_and_a_user_two(void **state) {
        const FakeCall *calls[4];
        Stage *stage = *state;

        for (unsigned i = 0; i < ELEMENTS(calls); i++) {
                const char *const callers[] = { ":1000.1", ":1000.1", ":1000.2", ":1000.3" };
                sd_bus_message *message = new_create_tap(stage, callers[i], "br0", false);

                assert_ok(sd_bus_message_set_allow_interactive_authorization(message, true));
                calls[i] = fake_bus_send(&stage->bus, message);
                run(stage);
                answer(stage, stage->bus.n_checks - 1, false, true);
        }
        assert_int_equal(calls[0]->answers, 0);
        assert_answered(calls[1], LIMITS_EXCEEDED);
        assert_int_equal(calls[2]->answers, 0);
        assert_answered(calls[3], LIMITS_EXCEEDED);
}

/* Who leaves */

static void who_leaves_while_polkit_is_asked_is_asked_about_no_more(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_tap(stage, ":1000.1", "br0");

        run(stage);
        assert_int_equal(stage->bus.n_checks, 1);
        fake_bus_hang_up(&stage->bus, ":1000.1");
        run(stage);
        assert_int_equal(stage->bus.n_cancelled, 1);
        answer(stage, 0, true, false);
        assert_int_equal(one->answers, 0);
        assert_int_equal(world_count_links(), 2);
}

static void assert_prompt_ends(Stage *stage, bool by_agent) {
        const FakeCall *one = create_persistent(stage, ":1000.1");

        run(stage);
        answer(stage, 0, false, true);
        answer(stage, 1, false, true);
        assert_true(stage->bus.checks[2].interactive);
        fake_bus_hang_up(&stage->bus, ":1000.1");
        run(stage);
        assert_int_equal(stage->bus.n_cancelled, 0);
        if (by_agent)
                answer(stage, 2, true, false);
        fake_bus_run(&stage->bus, 700);
        assert_int_equal(stage->bus.n_cancelled, by_agent ? 0 : 1);
        assert_int_equal(one->answers, 0);
        assert_int_equal(stage->bus.n_checks, 3);
        assert_int_equal(world_count_links(), 2);
}

static void who_leaves_takes_a_prompt_along_half_a_second_later(void **state) {
        assert_prompt_ends(*state, false);
}

static void a_prompt_that_ends_with_its_agent_need_not_be_taken_back(void **state) {
        assert_prompt_ends(*state, true);
}

static void who_leaves_while_the_call_is_blocked_gets_nothing(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_with_mac(stage, ":1000.1"), *released;

        run(stage);
        released = take_mac_away(stage);
        answer(stage, 0, true, false);
        fake_bus_hang_up(&stage->bus, ":1000.1");
        stage->bus.ignorance = "org.freedesktop.DBus.Error.NameHasNoOwner";
        run(stage);
        deletions_wait = false;
        run_until_answered(stage, released);
        fake_bus_run(&stage->bus, 50);
        assert_int_equal(one->answers, 0);
        assert_int_equal(world_count_links(), 2);
}

/* The service stops */

static void who_is_not_identified_yet_is_told(void **state) {
        Stage *stage = *state;
        const FakeCall *one, *other;

        stage->bus.silent = true;
        one = call(stage, 1000, 1);
        other = call(stage, 1000, 2);
        run(stage);
        stop_service(stage);
        assert_stopping(one);
        assert_stopping(other);
}

/* What has been read, and is in line or on its way. */
static void who_waits_for_a_turn_is_told(void **state) {
        Stage *stage = *state;
        unsigned answered = 0;

        make_known(stage, 1000, 1);
        for (unsigned i = 0; i < 20; i++)
                call(stage, 1000, 1);
        while (stage->bus.n_answers < 5)
                assert_ok(sd_event_run(stage->bus.event, 10000));
        stop_service(stage);
        for (size_t i = 0; i < stage->bus.n_calls; i++) {
                const FakeCall *one = &stage->bus.calls[i];

                if (strcmp(one->error, KERNEL) == 0)
                        assert_stopping(one);
                else
                        assert_answered(one, NO_SUCH_ENDPOINT);
                answered += one->answers;
        }
        assert_int_equal(answered, 21);
        assert_true(count_answered(stage, KERNEL) > 0);
}

static void who_waits_for_polkit_is_told(void **state) {
        Stage *stage = *state;
        const FakeCall *checking = create_tap(stage, ":1000.1", "br0");
        const FakeCall *prompting = create_persistent(stage, ":1001.1");

        run(stage);
        for (size_t i = 0; i < 3; i++)
                if (strcmp(stage->bus.checks[i].caller, ":1001.1") == 0)
                        answer(stage, i, false, true);
        assert_int_equal(stage->bus.n_checks, 4);
        assert_true(stage->bus.checks[3].interactive);
        stop_service(stage);
        assert_stopping(checking);
        assert_stopping(prompting);
        assert_int_equal(stage->bus.n_cancelled, 2);
}

/* Its verdict is there, and it is on its way to its handler. */
static void whose_verdict_has_just_come_is_told(void **state) {
        Stage *stage = *state;
        const FakeCall *one = create_tap(stage, ":1000.1", "br0");

        run(stage);
        fake_bus_answer(&stage->bus, 0, true, false);
        stop_service(stage);
        assert_int_equal(one->answers, 1);
        if (*one->error != '\0')
                assert_stopping(one);
}

static void who_waits_for_something_to_go_is_told(void **state) {
        Stage *stage = *state;
        const FakeCall *created = create_with_mac(stage, ROOT), *blocked, *all, *released;

        run_until_answered(stage, created);
        deletions_wait = true;
        released = release(stage, created);
        blocked = create_with_mac(stage, ":1000.1");
        all = fake_bus_send(&stage->bus, new_call(stage, ROOT, "ReleaseAll"));
        run(stage);
        assert_int_equal(released->answers + blocked->answers + all->answers, 0);
        stop_service(stage);
        assert_stopping(blocked);
        /* What was carried out while it stopped is a success. */
        assert_int_equal(world_count_links(), 2);
        assert_answered(released, "");
        assert_answered(all, "");
}

/* What cannot be deleted while it stops stays. */
static void who_waits_for_what_does_not_go_is_told(void **state) {
        Stage *stage = *state;
        const FakeCall *created = create_with_mac(stage, ROOT), *blocked, *released;

        run_until_answered(stage, created);
        deletions_wait = true;
        released = release(stage, created);
        run(stage);
        blocked = create_with_mac(stage, ":1000.1");
        run(stage);
        deletions_fail = true;
        stop_service(stage);
        deletions_fail = false;
        assert_int_equal(world_count_links(), 3);
        assert_answered(released, KERNEL);
        assert_stopping(blocked);
}

static void who_waits_for_a_reload_is_told(void **state) {
        Stage *stage = *state;
        const FakeCall *first = fake_bus_send(&stage->bus, new_call(stage, ROOT, "Reload"));
        const FakeCall *second = fake_bus_send(&stage->bus, new_call(stage, ROOT, "Reload"));

        while (stage->bus.n_said < 1)
                assert_ok(sd_event_run(stage->bus.event, 10000));
        for (unsigned i = 0; i < 12; i++)
                assert_ok(sd_event_run(stage->bus.event, 0));
        stop_service(stage);
        assert_int_equal(first->answers, 1);
        assert_int_equal(second->answers, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_call_is_kept_until_it_is_known_who_makes_it),
                CASE(whom_the_bus_does_not_tell_of_is_refused),
                CASE(whom_the_bus_does_not_know_any_more_waits_for_nothing),
                CASE(the_bus_is_not_asked_about_whoever_has_hung_up),
                CASE(of_a_new_caller_128_calls_are_kept_and_of_all_1024),
                CASE(users_take_turns_and_each_is_served_in_order),
                CASE(a_user_whose_line_is_full_is_refused_and_no_other),
                CASE(of_a_user_512_calls_stand_in_line),
                CASE(what_a_caller_who_has_left_had_in_line_is_not_carried_out),
                CASE(a_verdict_is_for_one_message),
                CASE(a_verdict_is_for_one_question),
                CASE(a_verdict_is_for_one_generation),
                CASE(a_call_that_is_answered_leaves_no_question_behind),
                CASE(a_verdict_is_kept_while_the_call_is_blocked),
                CASE(prompts_are_shown_one_after_the_other),
                CASE(with_the_first_prompt_that_is_not_granted_the_rest_are_not_shown),
                CASE(nobody_is_prompted_where_something_else_refuses),
                CASE(a_connection_has_one_prompt_and_a_user_two),
                CASE(who_leaves_while_polkit_is_asked_is_asked_about_no_more),
                CASE(who_leaves_takes_a_prompt_along_half_a_second_later),
                CASE(a_prompt_that_ends_with_its_agent_need_not_be_taken_back),
                CASE(who_leaves_while_the_call_is_blocked_gets_nothing),
                CASE(who_is_not_identified_yet_is_told),
                CASE(who_waits_for_a_turn_is_told),
                CASE(who_waits_for_polkit_is_told),
                CASE(whose_verdict_has_just_come_is_told),
                CASE(who_waits_for_something_to_go_is_told),
                CASE(who_waits_for_what_does_not_go_is_told),
                CASE(who_waits_for_a_reload_is_told),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
