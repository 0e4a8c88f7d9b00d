/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The whole service when something fails that no user can make fail: the kernel refuses deletions,
 * or memory is short; or when something takes exactly as long as the test wants. The bus, its
 * callers and polkit are the test's (fake-bus.h).
 */

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/service.h"
#include "fake-bus.h"
#include "kernel/link.h"
#include "testing.h"
#include "world.h"

#define MANAGER   "org.vnicd1.Manager"
#define TAP       "org.vnicd1.Tap"
#define ROOT      ":0.1"
#define USER      ":1000.1"
#define KERNEL    "org.vnicd1.Error.KernelError"
#define NO_MEMORY "org.freedesktop.DBus.Error.NoMemory"

typedef struct Stage {
        FakeBus bus;
        Service *service;
        char folder[40];
} Stage;

/* Steps that fail, or take their time. */
static bool deletions_fail, answers_fail;
static atomic_bool loads_wait;
static atomic_uint loads_read, loads_done = UINT_MAX; /* how many may be over */
static unsigned failing_calloc; /* the one that is to fail, counted down; 0: none */
static _Thread_local bool is_loop;

int __real_link_delete(Netlink *netlink, int ifindex, Failure *failure);
int __wrap_link_delete(Netlink *netlink, int ifindex, Failure *failure);
int __real_sd_bus_message_send(sd_bus_message *message);
int __wrap_sd_bus_message_send(sd_bus_message *message);
int __real_config_load(Config **ret, const char *directory, Failure *failure);
int __wrap_config_load(Config **ret, const char *directory, Failure *failure);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

int __wrap_link_delete(Netlink *netlink, int ifindex, Failure *failure) {
        return deletions_fail ? -EBUSY : __real_link_delete(netlink, ifindex, failure);
}

int __wrap_sd_bus_message_send(sd_bus_message *message) {
        return answers_fail ? -ENOMEM : __real_sd_bus_message_send(message);
}

/* This runs in a thread, except for the first. */
int __wrap_config_load(Config **ret, const char *directory, Failure *failure) {
        unsigned number;
        int r;

        while (loads_wait)
                usleep(1000);
        r = __real_config_load(ret, directory, failure);
        number = ++loads_read;
        while (number > loads_done)
                usleep(1000);
        return r;
}

void *__wrap_calloc(size_t n, size_t size) {
        if (is_loop && failing_calloc > 0 && --failing_calloc == 0)
                return NULL;
        return __real_calloc(n, size);
}

static int set_up(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));
        Failure failure = FAILURE_INIT;

        assert_non_null(stage);
        if (world_enter(state) < 0)
                return -1;
        strcpy(stage->folder, "/tmp/vnicd-service-XXXXXX");
        assert_non_null(mkdtemp(stage->folder));
        setenv("CONFIGURATION_DIRECTORY", stage->folder, true);
        setenv("RUNTIME_DIRECTORY", stage->folder, true);
        fake_bus_enter(&stage->bus);
        if (service_new(&stage->service, stage->bus.event, stage->bus.service, &failure) < 0)
                fail_msg("no service: %s", failure.text);
        fake_bus_run(&stage->bus, 20);
        is_loop = true;
        *state = stage;
        return 0;
}

static int tear_down(void **state) {
        Stage *stage = *state;
        char command[64];

        deletions_fail = answers_fail = false;
        loads_wait = false;
        loads_done = UINT_MAX;
        failing_calloc = 0;
        service_free(stage->service);
        fake_bus_leave(&stage->bus);
        snprintf(command, sizeof(command), "rm -r %s", stage->folder);
        assert_int_equal(system(command), 0);
        free(stage);
        return 0;
}

static void run_until_answered(Stage *stage, const FakeCall *call) {
        for (int i = 0; i < 500 && call->answers == 0; i++)
                assert_ok(sd_event_run(stage->bus.event, 10000));
        assert_int_equal(call->answers, 1);
}

static const FakeCall *call(Stage *stage, const char *caller, const char *member) {
        return fake_bus_send(&stage->bus,
                        fake_bus_new_call(&stage->bus, caller, SERVICE_PATH, MANAGER, member));
}

static void assert_fails(Stage *stage, const FakeCall *call, const char *error) {
        run_until_answered(stage, call);
        assert_string_equal(call->error, error);
}

/* Creates a tap on no bridge, for a user to whom polkit says yes. Returns its path. */
static const char *create_tap(Stage *stage, const char *caller, bool multiqueue) {
        sd_bus_message *message =
                        fake_bus_new_call(&stage->bus, caller, SERVICE_PATH, MANAGER, "CreateTap");
        const FakeCall *created;
        const char *path;

        assert_ok(sd_bus_message_append(message, "sbba{sv}", "-", true, multiqueue, 1, "queues",
                        "u", multiqueue ? 2U : 1U));
        created = fake_bus_send(&stage->bus, message);
        fake_bus_run(&stage->bus, 20);
        if (fake_bus_open_checks(&stage->bus) > 0)
                fake_bus_answer(&stage->bus, stage->bus.n_checks - 1, true, false);
        assert_fails(stage, created, "");
        assert_ok(sd_bus_message_read(created->answer, "o", &path));
        return path;
}

static const FakeCall *release(Stage *stage, const char *path) {
        return fake_bus_send(&stage->bus,
                        fake_bus_new_call(
                                        &stage->bus, ROOT, path, "org.vnicd1.Endpoint", "Release"));
}

static void a_release_whose_deletion_fails_is_an_error(void **state) {
        Stage *stage = *state;
        const char *path = create_tap(stage, ROOT, false);
        unsigned links = world_count_links();

        deletions_fail = true;
        assert_fails(stage, release(stage, path), KERNEL);
        assert_fails(stage, call(stage, ROOT, "ReleaseAll"), KERNEL);
        assert_int_equal(world_count_links(), links);
        deletions_fail = false;
        assert_fails(stage, release(stage, path), "");
        assert_int_equal(world_count_links(), links - 1);
}

/* There are two: the second waits for a read that starts after the current one. */
static void whatever_allocation_fails_each_reload_is_answered(void **state) {
        Stage *stage = *state;

        for (unsigned failing = 1; failing <= 40; failing++) {
                const FakeCall *first, *second;

                loads_wait = true;
                first = call(stage, ROOT, "Reload");
                fake_bus_run(&stage->bus, 0);
                second = call(stage, ROOT, "Reload");
                fake_bus_run(&stage->bus, 0);
                failing_calloc = failing;
                loads_wait = false;
                run_until_answered(stage, first);
                run_until_answered(stage, second);
                failing_calloc = 0;
                assert_true(*first->error == '\0' || strcmp(first->error, NO_MEMORY) == 0);
                assert_true(*second->error == '\0' || strcmp(second->error, NO_MEMORY) == 0);
                fake_bus_run(&stage->bus, 5);
        }
        assert_fails(stage, call(stage, ROOT, "Reload"), "");
}

static void configure(const Stage *stage, const char *text) {
        char path[64];
        FILE *file;

        snprintf(path, sizeof(path), "%s/vnicd.conf", stage->folder);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static uint32_t endpoints_per_user(Stage *stage) {
        sd_bus_message *message = fake_bus_new_call(
                        &stage->bus, ROOT, SERVICE_PATH, "org.freedesktop.DBus.Properties", "Get");
        const FakeCall *got;
        uint32_t value;

        assert_ok(sd_bus_message_append(message, "ss", MANAGER, "EndpointsPerUser"));
        got = fake_bus_send(&stage->bus, message);
        assert_fails(stage, got, "");
        assert_ok(sd_bus_message_read(got->answer, "v", "u", &value));
        return value;
}

static void run_until_read(Stage *stage, unsigned loads) {
        for (int i = 0; i < 500 && loads_read < loads; i++)
                assert_ok(sd_event_run(stage->bus.event, 10000));
        assert_int_equal(loads_read, loads);
        fake_bus_run(&stage->bus, 20);
}

/* They may have changed the file after it was read for those before them. */
static void who_reloads_while_another_does_is_answered_when_their_own_lines_hold(void **state) {
        const unsigned before = loads_read;
        const FakeCall *first, *second;
        Stage *stage = *state;

        configure(stage, "[Limits]\nEndpoints=5\n");
        loads_done = before;
        first = call(stage, ROOT, "Reload");
        run_until_read(stage, before + 1);
        configure(stage, "[Limits]\nEndpoints=6\n");
        second = call(stage, ROOT, "Reload");
        fake_bus_run(&stage->bus, 20);
        loads_done = before + 1;
        run_until_answered(stage, first);
        run_until_read(stage, before + 2);
        assert_int_equal(second->answers, 0);
        assert_int_equal(endpoints_per_user(stage), 5);
        loads_done = UINT_MAX;
        assert_fails(stage, second, "");
        assert_int_equal(endpoints_per_user(stage), 6);
}

static const FakeCall *open_queues(Stage *stage, const char *path, unsigned count) {
        sd_bus_message *message = fake_bus_new_call(&stage->bus, USER, path, TAP, "OpenQueues");

        assert_ok(sd_bus_message_append(message, "u", count));
        return fake_bus_send(&stage->bus, message);
}

/* A user may have 64: with these it would be 66. */
static void queues_whose_answer_fails_count_for_nobody(void **state) {
        Stage *stage = *state;
        const char *path = create_tap(stage, USER, true), *name = strrchr(path, '/') + 1;

        for (unsigned i = 0; i < 4; i++) {
                answers_fail = true;
                assert_fails(stage, open_queues(stage, path, 16), NO_MEMORY);
                answers_fail = false;
                /* They are closed by a worker. */
                for (unsigned j = 0; j < 100 && !world_link_says(name, " queues=2 "); j++)
                        fake_bus_run(&stage->bus, 50);
                assert_true(world_link_says(name, " queues=2 "));
                assert_true(world_link_says(name, "numqueues 2 "));
        }
        assert_fails(stage, open_queues(stage, path, 16), "");
}

/* Nothing else would remove a persistent one. */
static void a_tap_whose_answer_fails_is_taken_away(void **state) {
        Stage *stage = *state;
        const unsigned links = world_count_links();
        sd_bus_message *message;

        assert_fails(stage, call(stage, ROOT, "ListBridges"), "");
        message = fake_bus_new_call(&stage->bus, ROOT, SERVICE_PATH, MANAGER, "CreateTap");
        assert_ok(sd_bus_message_append(
                        message, "sbba{sv}", "-", true, false, 1, "persistent", "b", true));
        answers_fail = true;
        assert_fails(stage, fake_bus_send(&stage->bus, message), NO_MEMORY);
        answers_fail = false;
        for (unsigned i = 0; i < 100 && world_count_links() > links; i++)
                fake_bus_run(&stage->bus, 50);
        assert_int_equal(world_count_links(), links);
}

/* The reply of that one then fails by itself. */
static void a_bridge_that_came_while_polkit_was_asked_is_no_reason_for_a_failure(void **state) {
        Stage *stage = *state;
        const FakeCall *listed;

        world_run("ip link add br0 type bridge");
        listed = call(stage, ":1000.1", "ListBridges");
        fake_bus_run(&stage->bus, 20);
        assert_int_equal(stage->bus.n_checks, 1);
        world_run("ip link add br1 type bridge");
        fake_bus_answer(&stage->bus, 0, true, false);
        fake_bus_run(&stage->bus, 20);
        assert_int_equal(stage->bus.n_checks, 3); /* both are asked about now */
        fake_bus_answer(&stage->bus, 1, true, false);
        fake_bus_answer(&stage->bus, 2, true, false);
        answers_fail = true;
        assert_fails(stage, listed, NO_MEMORY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_release_whose_deletion_fails_is_an_error),
                CASE(whatever_allocation_fails_each_reload_is_answered),
                CASE(who_reloads_while_another_does_is_answered_when_their_own_lines_hold),
                CASE(queues_whose_answer_fails_count_for_nobody),
                CASE(a_tap_whose_answer_fails_is_taken_away),
                CASE(a_bridge_that_came_while_polkit_was_asked_is_no_reason_for_a_failure),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
