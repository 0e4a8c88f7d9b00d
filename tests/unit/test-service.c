/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The whole service where something fails that no user can make fail: the kernel deletes nothing, and memory is
 * short. The bus, its callers and polkit are the test's (fake-bus.h).
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/service.h"
#include "fake-bus.h"
#include "kernel/link.h"
#include "testing.h"
#include "world.h"

#define MANAGER   "org.vnicd1.Manager"
#define KERNEL    "org.vnicd1.Error.KernelError"
#define NO_MEMORY "org.freedesktop.DBus.Error.NoMemory"

typedef struct Stage {
        FakeBus bus;
        Service *service;
        char folder[40];
} Stage;

/* What is to fail, or to take its time. */
static bool deletions_fail, answers_fail;
static atomic_bool loads_wait;
static unsigned failing_calloc; /* the one that it is the turn of, counted down; 0: none */
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

/* In a thread, but for the first. */
int __wrap_config_load(Config **ret, const char *directory, Failure *failure) {
        while (loads_wait)
                usleep(1000);
        return __real_config_load(ret, directory, failure);
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

/* Of root, on no bridge; its path. */
static const char *create_tap(Stage *stage) {
        sd_bus_message *message =
                        fake_bus_new_call(&stage->bus, ":0.1", SERVICE_PATH, MANAGER, "CreateTap");
        const FakeCall *created;
        const char *path;

        assert_ok(sd_bus_message_append(message, "sbba{sv}", "-", true, false, 0));
        created = fake_bus_send(&stage->bus, message);
        assert_fails(stage, created, "");
        assert_ok(sd_bus_message_read(created->answer, "o", &path));
        return path;
}

static const FakeCall *release(Stage *stage, const char *path) {
        return fake_bus_send(&stage->bus,
                        fake_bus_new_call(&stage->bus, ":0.1", path, "org.vnicd1.Endpoint",
                                        "Release"));
}

static void a_release_whose_deletion_fails_is_an_error(void **state) {
        Stage *stage = *state;
        const char *path = create_tap(stage);
        unsigned links = world_count_links();

        deletions_fail = true;
        assert_fails(stage, release(stage, path), KERNEL);
        assert_fails(stage, call(stage, ":0.1", "ReleaseAll"), KERNEL);
        assert_int_equal(world_count_links(), links);
        deletions_fail = false;
        assert_fails(stage, release(stage, path), "");
        assert_int_equal(world_count_links(), links - 1);
}

/* Two: the second waits for what is read after what is being read. */
static void whatever_allocation_fails_each_reload_is_answered(void **state) {
        Stage *stage = *state;

        for (unsigned failing = 1; failing <= 40; failing++) {
                const FakeCall *first, *second;

                loads_wait = true;
                first = call(stage, ":0.1", "Reload");
                fake_bus_run(&stage->bus, 0);
                second = call(stage, ":0.1", "Reload");
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
        assert_fails(stage, call(stage, ":0.1", "Reload"), "");
}

/* Whose answer then fails by itself. */
static void a_bridge_that_came_while_polkit_was_asked_is_no_reason_for_a_failure(void **state) {
        Stage *stage = *state;
        const FakeCall *listed;

        world_run("ip link add br0 type bridge");
        listed = call(stage, ":1000.1", "ListBridges");
        fake_bus_run(&stage->bus, 20);
        assert_int_equal(stage->bus.n_checks, 1);
        world_run("ip link add br1 type bridge");
        fake_bus_answer(&stage->bus, 0, true, false);
        answers_fail = true;
        assert_fails(stage, listed, NO_MEMORY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_release_whose_deletion_fails_is_an_error),
                CASE(whatever_allocation_fails_each_reload_is_answered),
                CASE(a_bridge_that_came_while_polkit_was_asked_is_no_reason_for_a_failure),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
