/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deletion of a link of vnicd: even if somebody holds a queue of it, with a tag or before it had
 * one; and never of a link that merely looks like it.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel/tap.h"
#include "taps/deletion.h"
#include "testing.h"
#include "world.h"

#define NAME  "vnic0000abcd"
#define NONCE 0xabcdu
#define TAG   "vnicd:1 uid=1000 life=fd queues=1 nonce=%08x hdr=10 mac=52:54:00:12:34:56 at=1"

typedef struct Outcome {
        unsigned calls;
        int error;
} Outcome;

static void on_done(int ifindex, int error, void *userdata) {
        Outcome *outcome = userdata;

        outcome->calls++;
        outcome->error = error;
}

/* What done() receives. */
static int delete_link(int ifindex, uint32_t nonce) {
        Outcome outcome = { 0 };
        Workers *workers;

        assert_int_equal(workers_new(&workers, 2), 0);
        assert_int_equal(deletion_submit(workers, ifindex, nonce, on_done, &outcome), 0);
        workers_free(workers);
        assert_int_equal(outcome.calls, 1);
        return outcome.error;
}

/* A queue of a tap of that name, which keeps it alive. */
static int make_tap(const char *name) {
        TapDevice device = { .vnet_hdr = true, .multiqueue = true };
        int fd;

        snprintf(device.name, sizeof(device.name), "%s", name);
        assert_int_equal(tap_create(&device, &fd, NULL), 0);
        return fd;
}

static void set_tag(const char *name, uint32_t nonce) {
        world_run("ip link set %s alias '" TAG "'", name, nonce);
}

static void a_tap_with_the_tag_is_deleted_whoever_holds_it(void **state) {
        int fd = make_tap(NAME);

        set_tag(NAME, NONCE);
        assert_int_equal(delete_link(world_ifindex(NAME), NONCE), 0);
        assert_false(world_has_link(NAME));
        close(fd);
}

static void a_tap_that_got_no_tag_yet_is_known_by_its_name(void **state) {
        int fd = make_tap(NAME);

        assert_int_equal(delete_link(world_ifindex(NAME), NONCE), 0);
        assert_false(world_has_link(NAME));
        close(fd);
}

static void one_whose_ifindex_is_not_known_is_found_by_its_name(void **state) {
        int fd = make_tap(NAME);

        assert_int_equal(delete_link(0, NONCE), 0);
        assert_false(world_has_link(NAME));
        close(fd);
}

static void a_renamed_one_is_known_by_its_tag(void **state) {
        int fd = make_tap(NAME);

        set_tag(NAME, NONCE);
        world_run("ip link set " NAME " name other");
        assert_int_equal(delete_link(world_ifindex("other"), NONCE), 0);
        assert_false(world_has_link("other"));
        close(fd);
}

static void what_has_another_tag_is_left_alone(void **state) {
        int fd = make_tap(NAME);

        set_tag(NAME, NONCE + 1);
        assert_int_equal(delete_link(world_ifindex(NAME), NONCE), -ESTALE);
        assert_true(world_has_link(NAME));
        close(fd);
}

static void what_has_an_alias_of_its_own_is_left_alone(void **state) {
        int fd = make_tap(NAME);

        world_run("ip link set " NAME " alias mine");
        assert_int_equal(delete_link(world_ifindex(NAME), NONCE), -ESTALE);
        assert_true(world_has_link(NAME));
        close(fd);
}

static void what_is_no_tap_is_left_alone(void **state) {
        world_run("ip link add " NAME " type veth peer name other");
        assert_int_equal(delete_link(world_ifindex(NAME), NONCE), -ESTALE);
        assert_int_equal(delete_link(0, NONCE), -ESTALE);
        assert_true(world_has_link(NAME));
}

static void what_is_gone_is_enodev(void **state) {
        assert_int_equal(delete_link(4711, NONCE), -ENODEV);
        assert_int_equal(delete_link(0, NONCE), -ENODEV);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(a_tap_with_the_tag_is_deleted_whoever_holds_it, world_enter),
                cmocka_unit_test_setup(a_tap_that_got_no_tag_yet_is_known_by_its_name, world_enter),
                cmocka_unit_test_setup(
                                one_whose_ifindex_is_not_known_is_found_by_its_name, world_enter),
                cmocka_unit_test_setup(a_renamed_one_is_known_by_its_tag, world_enter),
                cmocka_unit_test_setup(what_has_another_tag_is_left_alone, world_enter),
                cmocka_unit_test_setup(what_has_an_alias_of_its_own_is_left_alone, world_enter),
                cmocka_unit_test_setup(what_is_no_tap_is_left_alone, world_enter),
                cmocka_unit_test_setup(what_is_gone_is_enodev, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("deletion", tests, NULL, NULL);
}
