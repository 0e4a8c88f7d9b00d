/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the list of bridges has changed. Whether a change is noticed is asked of the watch itself,
 * so that no case depends on time; how the list is shown is tested on the bus. */
#include <sys/socket.h>

#include "common/clock.h"
#include "stage.h"
#include "taps/bridge-list.h"
#include "testing.h"
#include "world.h"

static int enter_world_with_uplink(void **state) {
        int r = world_enter(state);

        world_run("ip link add br0 type bridge && ip link set br0 up && "
                  "ip address add 203.0.113.9/24 dev br0 && ip link add br1 type bridge && ip link set br1 up && "
                  "ip link add lan0 type ifb && ip link set lan0 master br0 && "
                  "ip link set lan0 up && ip link add alone0 type ifb");
        return r;
}

/* Reads what the kernel has said. */
static void catch_up(Stage *stage) {
        assert_true(link_monitor_catch_up(stage->manager->monitor));
}

/* What was noticed is told; on a busy machine the watch rests for seconds before it looks again. */
static void await_told(Stage *stage) {
        const BridgeWatch *watch = &stage->manager->bridge_watch;
        const uint64_t end = clock_now_usec() + 60 * USEC_PER_SEC;

        while (watch->changed || watch->addresses_touched)
                if (!stage_run_for_a_moment(stage, end))
                        fail_msg("it is never told");
}

/* How often it is told that something has changed, once all that has happened was read. */
static unsigned times_told(Stage *stage) {
        const unsigned before = stage->bridges_changed;

        catch_up(stage);
        await_told(stage);
        return stage->bridges_changed - before;
}

static void each_change_is_told_once(void **state) {
        static const char *const changes[] = {
                "ip link set br0 down",
                "ip link set br0 up",
                "ip link set br1 mtu 1400",
                "ip link set br1 group 5",
                "ip link set br1 down && ip link set br1 name br2",
                "ip link set lan0 down",
                "ip link set lan0 up",
                "ip link set lan0 master br2",
                "ip link set lan0 nomaster",
                "ip link set lan0 master br0",
                "ip link set lan0 down && ip link set lan0 name lan1",
                "ip link del lan1",
                "ip link del br2",
                "ip link add br3 type bridge",
        };
        Stage stage;

        stage_enter(&stage);
        assert_int_equal(times_told(&stage), 0);
        for (size_t i = 0; i < ELEMENTS(changes); i++) {
                world_run("%s", changes[i]);
                if (times_told(&stage) != 1)
                        fail_msg("not told: %s", changes[i]);
                assert_int_equal(times_told(&stage), 0);
        }
        stage_leave(&stage);
}

static void what_is_not_shown_is_no_change(void **state) {
        static const char *const events[] = {
                "ip link set br0 address 02:00:00:00:00:07",
                "ip link set lan0 alias spare",
                "ip link set alone0 up",
                "ip link set alone0 name alone1",
                "ip link del alone1",
                "ip tuntap add dev tap0 mode tap && ip link set tap0 master br0",
                "ip link set tap0 up && ip link del tap0",
                "ip link add veth0 type veth peer name veth1 && ip link set veth0 master br1",
                "ip link set veth0 up && ip link set veth1 up && ip link del veth0",
                "ip link add 'br.7;' type bridge",
        };
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        for (size_t i = 0; i < ELEMENTS(events); i++) {
                world_run("%s", events[i]);
                if (times_told(&stage) != 0)
                        fail_msg("told: %s", events[i]);
        }
        stage_create(&stage, &request, &queues);
        assert_int_equal(times_told(&stage), 0);
        fdset_done(&queues);
        stage_run_until_left(&stage, 1);
        assert_int_equal(times_told(&stage), 0);
        stage_leave(&stage);
}

static void many_changes_at_once_are_one(void **state) {
        Stage stage;

        stage_enter(&stage);
        for (unsigned i = 0; i < 50; i++)
                world_run("ip link add many%u type bridge", i);
        assert_int_equal(times_told(&stage), 1);
        assert_int_equal(times_told(&stage), 0);
        stage_leave(&stage);
}

static unsigned told_of(Stage *stage, const char *command) {
        world_run("%s", command);
        return times_told(stage);
}

static void addresses_are_compared(void **state) {
        Stage stage;

        stage_enter(&stage);
        assert_int_equal(told_of(&stage, "ip address add 198.51.100.1/24 dev br0"), 1);
        assert_int_equal(told_of(&stage, "ip address del 198.51.100.1/24 dev br0"), 1);
        assert_int_equal(told_of(&stage,
                                         "ip address replace 203.0.113.9/24 dev br0 valid_lft 3600 "
                                         "preferred_lft 1800"),
                        0);
        assert_int_equal(told_of(&stage, "ip address add 192.0.2.1/24 dev alone0"), 0);
        assert_int_equal(told_of(&stage, "ip address add 169.254.9.9/16 scope link dev br0"), 0);
        stage_leave(&stage);
}

static void a_restart_finds_nothing_new(void **state) {
        Stage stage;

        stage_enter(&stage);
        stage_restart(&stage);
        assert_int_equal(times_told(&stage), 0);
        assert_int_equal(told_of(&stage, "ip address del 203.0.113.9/24 dev br0"), 1);
        stage_leave(&stage);
}

/* What changed while events were lost is found by comparing. */
static void what_changed_while_events_were_lost_is_told(void **state) {
        const int small = 4096;
        Stage stage;

        world_needs_the_hosts_root();
        world_run("ip link add noise type ifb"); /* as a bridge it would be listed */
        stage_enter(&stage);
        assert_int_equal(setsockopt(stage_events_fd(), SOL_SOCKET, SO_RCVBUFFORCE, &small,
                                         sizeof(small)),
                        0);
        world_make_noise(200);
        world_run("ip link del br1");
        catch_up(&stage);
        assert_int_equal(times_told(&stage), 1);
        world_make_noise(200);
        catch_up(&stage);
        assert_int_equal(times_told(&stage), 0);
        stage_leave(&stage);
}

#define CASE(name) cmocka_unit_test_setup(name, enter_world_with_uplink)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(each_change_is_told_once),
                CASE(what_is_not_shown_is_no_change),
                CASE(many_changes_at_once_are_one),
                CASE(addresses_are_compared),
                CASE(a_restart_finds_nothing_new),
                CASE(what_changed_while_events_were_lost_is_told),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
