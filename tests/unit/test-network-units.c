/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The configurations of the services of networks, as files: complete or absent, and readable by
 * another user. test-systemd tests the requests to systemd.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "api/network-units.h"
#include "fake-bus.h"
#include "testing.h"

#define CONFIGURATION "vnicbr0.conf"

typedef struct Stage {
        FakeBus bus;
        NetworkUnits *units;
        NetworkPlan plan;
        char folder[32];
        unsigned changes;
} Stage;

static void on_changed(const char *name, void *userdata) {
        Stage *stage = userdata;

        assert_string_equal(name, "vnicbr0");
        stage->changes++;
}

static int set_up(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));

        assert_non_null(stage);
        strcpy(stage->folder, "/tmp/vnicd-units-XXXXXX");
        assert_non_null(mkdtemp(stage->folder));
        setenv("RUNTIME_DIRECTORY", stage->folder, true);
        stage->plan = (NetworkPlan)NETWORK_PLAN_INIT;
        strcpy(stage->plan.name, "vnicbr0");
        strcpy(stage->plan.domain, "vnicbr0.internal");
        stage->plan.v4_prefix = 24;
        stage->plan.mtu = 1500;
        assert_int_equal(inet_pton(AF_INET, "10.90.7.1", &stage->plan.v4), 1);
        fake_bus_enter(&stage->bus);
        assert_ok(network_units_new(&stage->units, stage->bus.service, on_changed, stage));
        *state = stage;
        return 0;
}

/* A path in the folder of configurations; overwritten by the next call. */
static const char *path_of(const Stage *stage, const char *file) {
        static char path[512];

        snprintf(path, sizeof(path), "%s/networks/%s", stage->folder, file);
        return path;
}

/* The only file besides ".", ".." and the folder for hosts, or NULL; there may not be more than
 * one. */
static const char *only_file(const Stage *stage) {
        static char found[256];
        DIR *directory = opendir(path_of(stage, ""));
        unsigned n = 0;

        assert_non_null(directory);
        for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                                strcmp(entry->d_name, "vnicbr0.hosts") == 0)
                        continue;
                n++;
                snprintf(found, sizeof(found), "%s", entry->d_name);
        }
        closedir(directory);
        assert_true(n <= 1);
        return n == 0 ? NULL : found;
}

static int tear_down(void **state) {
        Stage *stage = *state;
        char command[64];

        network_units_free(stage->units);
        fake_bus_leave(&stage->bus);
        snprintf(command, sizeof(command), "rm -r %s", stage->folder);
        assert_int_equal(system(command), 0);
        unsetenv("RUNTIME_DIRECTORY");
        free(stage);
        return 0;
}

static struct stat status_of(const char *path) {
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        return status;
}

/* The size of files is limited meanwhile. */
static void start_with_room_for(Stage *stage, rlim_t bytes) {
        struct rlimit before, small;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = (struct rlimit){ .rlim_cur = bytes, .rlim_max = before.rlim_max };
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        network_units_start(stage->units, &stage->plan);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void a_configuration_is_for_another_user_whatever_the_umask(void **state) {
        Stage *stage = *state;
        mode_t before = umask(0077);

        network_units_start(stage->units, &stage->plan);
        umask(before);
        assert_string_equal(only_file(stage), CONFIGURATION);
        assert_int_equal(status_of(path_of(stage, CONFIGURATION)).st_mode & 07777, 0644);
        assert_int_equal(status_of(path_of(stage, "")).st_mode & 07777, 0755);
}

static void it_goes_with_the_network(void **state) {
        Stage *stage = *state;

        network_units_start(stage->units, &stage->plan);
        assert_string_equal(only_file(stage), CONFIGURATION);
        network_units_stop(stage->units, &stage->plan);
        assert_null(only_file(stage));
}

static void what_could_not_be_written_is_told_and_leaves_nothing(void **state) {
        Stage *stage = *state;

        start_with_room_for(stage, 20);
        assert_null(only_file(stage));
        assert_int_equal(stage->changes, 1);
        assert_non_null(strstr(network_units_warning(stage->units, "vnicbr0"), "File too large"));
}

static void what_could_not_be_written_anew_stays_as_it_was(void **state) {
        Stage *stage = *state;
        off_t size;

        network_units_start(stage->units, &stage->plan);
        size = status_of(path_of(stage, CONFIGURATION)).st_size;
        assert_true(size > 20);
        start_with_room_for(stage, 20);
        assert_string_equal(only_file(stage), CONFIGURATION);
        assert_int_equal(status_of(path_of(stage, CONFIGURATION)).st_size, size);
}

static void what_could_not_be_put_in_its_place_leaves_nothing(void **state) {
        Stage *stage = *state;

        assert_int_equal(mkdir(path_of(stage, ""), 0755), 0);
        assert_int_equal(mkdir(path_of(stage, CONFIGURATION), 0755), 0);
        network_units_start(stage->units, &stage->plan);
        assert_string_equal(only_file(stage), CONFIGURATION);
        assert_non_null(strstr(network_units_warning(stage->units, "vnicbr0"), "Is a directory"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_configuration_is_for_another_user_whatever_the_umask),
                CASE(it_goes_with_the_network),
                CASE(what_could_not_be_written_is_told_and_leaves_nothing),
                CASE(what_could_not_be_written_anew_stays_as_it_was),
                CASE(what_could_not_be_put_in_its_place_leaves_nothing),
        };

        return cmocka_run_group_tests_name("network-units", tests, NULL, NULL);
}
