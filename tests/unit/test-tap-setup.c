/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Setup of a tap, observed from outside: a second socket records the kernel's events at each step,
 * so that the order is the kernel's. And whatever step fails, nothing is left once the queues are
 * closed. link_get() is wrapped, so that a test can change the tap just before it is checked for
 * the last time.
 */
#include <errno.h>
#include <sys/socket.h>

#include "kernel/link-events.h"
#include "taps/tap-setup.h"
#include "testing.h"
#include "world.h"

#define NAME "vnic3f9a01c2"

static const Mac guest = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };
static const Mac host = { { 0xfe, 0x54, 0x00, 0x12, 0x34, 0x56 } };

static const char *meddling; /* a command; NULL: nothing is changed */

int __real_link_get(Netlink *netlink, int ifindex, LinkInfo *ret, Failure *failure);
int __wrap_link_get(Netlink *netlink, int ifindex, LinkInfo *ret, Failure *failure);

int __wrap_link_get(Netlink *netlink, int ifindex, LinkInfo *ret, Failure *failure) {
        if (meddling)
                world_run("%s", meddling);
        return __real_link_get(netlink, ifindex, ret, failure);
}

/* A setup and its observer. */
typedef struct Scene {
        Netlink *netlink;
        LinkEvents *events;
        LinkInfo bridge;
        TapPlan plan;
        FdSet queues;
        int ifindex;
        LinkInfo link;
        Failure failure;
        LinkInfo steps[256];
        size_t n_steps;
} Scene;

static void record(const LinkInfo *link, LinkEvent event, void *userdata) {
        Scene *scene = userdata;

        if (strcmp(link->name, NAME) == 0 && scene->n_steps < ELEMENTS(scene->steps))
                scene->steps[scene->n_steps++] = *link;
}

static void read_steps(Scene *scene) {
        int r = 1;

        scene->n_steps = 0;
        while (r > 0)
                r = link_events_read(scene->events, record, scene);
        assert_int_equal(r, 0);
}

/* A plan that works, on br0 if it exists; the case then changes it. */
static Scene *set_scene(void) {
        static Scene scene;

        meddling = NULL;
        scene = (Scene){ .plan = {
                                         .device = { .name = NAME,
                                                         .vnet_hdr = true,
                                                         .vnet_hdr_size = 12 },
                                         .tag = { .uid = 1000,
                                                         .queues = 1,
                                                         .nonce = 0x3f9a01c2,
                                                         .vnet_hdr_size = 12,
                                                         .guest_mac = guest,
                                                         .created = 1795353600,
                                                         .label = "web" },
                                         .queues = 1,
                                         .port = { .group = 0x76000000,
                                                         .port = { .locked = true } },
                                         .add_fdb_entry = true,
                         } };
        assert_int_equal(netlink_open(&scene.netlink, NETLINK_ROUTE), 0);
        if (world_has_link("br0")) {
                assert_int_equal(link_get_by_name(scene.netlink, "br0", &scene.bridge, NULL), 0);
                scene.plan.bridge = &scene.bridge;
                scene.plan.mtu = scene.bridge.mtu;
        }
        assert_int_equal(link_events_open(&scene.events), 0);
        return &scene;
}

static int be_born(Scene *scene) {
        return tap_setup(scene->netlink, &scene->plan, &scene->queues, &scene->ifindex,
                        &scene->link, &scene->failure);
}

static void clear_scene(Scene *scene) {
        fdset_done(&scene->queues);
        netlink_close(scene->netlink);
        link_events_close(scene->events);
}

static void it_is_born_on_its_bridge_with_everything(void **state) {
        Scene *scene;
        Mac mac;

        world_run("ip link add br0 mtu 1400 type bridge && ip link set br0 up");
        scene = set_scene();
        assert_int_equal(be_born(scene), 0);
        assert_int_equal(scene->failure.kind, FAILURE_NONE);
        assert_int_equal(scene->ifindex, world_ifindex(NAME));
        assert_int_equal(scene->link.ifindex, scene->ifindex);
        assert_int_equal(scene->queues.n, 1);
        mac = world_mac(NAME);
        assert_true(mac_equal(&mac, &host));
        assert_int_equal(world_mtu(NAME), 1400);
        assert_true(world_link_says(NAME, "master br0"));
        assert_true(world_link_says(NAME, ",UP"));
        assert_true(world_link_says(NAME, "locked on"));
        assert_true(world_link_says(NAME, "learning off"));
        assert_true(world_link_says(NAME, "addrgenmode none"));
        assert_string_equal(world_read("cat /sys/class/net/" NAME "/ifalias"),
                        "vnicd:1 uid=1000 persistent=0 queues=1 nonce=3f9a01c2 hdr=12 "
                        "mac=52:54:00:12:34:56 guest=given at=1795353600 isolated=0 anti_spoof=0 "
                        "bpdu_guard=0 "
                        "label=web");
        assert_string_equal(world_read("cat /sys/class/net/" NAME "/owner"), "0");
        assert_non_null(strstr(world_read("bridge fdb show dev " NAME), "52:54:00:12:34:56"));
        assert_null(strstr(world_read("ip addr show dev " NAME), "inet6"));
        clear_scene(scene);
        assert_true(world_loses_link(NAME));
}

/* The essential guarantee: no frame passes before its filter is in place. */
static void when_it_comes_up_everything_stands_already(void **state) {
        Scene *scene;
        bool seen_up = false;

        world_run("ip link add br0 mtu 1400 type bridge && ip link set br0 up");
        scene = set_scene();
        assert_int_equal(be_born(scene), 0);
        read_steps(scene);
        assert_true(scene->n_steps >= 3);
        for (size_t i = 0; i < scene->n_steps; i++) {
                const LinkInfo *step = &scene->steps[i];

                if (!(step->flags & IFF_UP))
                        continue;
                seen_up = true;
                assert_int_equal(step->master, scene->bridge.ifindex);
                assert_true(mac_equal(&step->mac, &host));
                assert_int_equal(step->mtu, 1400);
                assert_true(step->port.locked);
                assert_false(step->port.learning);
                assert_true(step->tun.owned && step->tun.owner == 0);
                assert_memory_equal(step->alias, "vnicd:1 ", 8);
        }
        assert_true(seen_up);
        clear_scene(scene);
}

static void on_its_bridge_it_is_never_without_mac_mtu_and_tag(void **state) {
        Scene *scene;
        bool seen = false;

        world_run("ip link add br0 mtu 1400 type bridge && ip link set br0 up");
        scene = set_scene();
        assert_int_equal(be_born(scene), 0);
        read_steps(scene);
        for (size_t i = 0; i < scene->n_steps; i++) {
                const LinkInfo *step = &scene->steps[i];

                if (step->master == 0)
                        continue;
                seen = true;
                assert_true(mac_equal(&step->mac, &host));
                assert_int_equal(step->mtu, 1400);
                assert_memory_equal(step->alias, "vnicd:1 ", 8);
        }
        assert_true(seen);
        clear_scene(scene);
}

static void with_a_tag_it_is_roots_already(void **state) {
        Scene *scene;

        world_run("ip link add br0 type bridge");
        scene = set_scene();
        assert_int_equal(be_born(scene), 0);
        read_steps(scene);
        for (size_t i = 0; i < scene->n_steps; i++)
                if (*scene->steps[i].alias)
                        assert_true(scene->steps[i].tun.owned);
        clear_scene(scene);
}

static void the_bridge_keeps_mac_and_mtu(void **state) {
        Scene *scene;
        Mac mac;

        world_run("ip link add br0 type bridge && "
                  "ip link add wire address fe:ff:00:00:00:01 mtu 9000 type veth peer name other "
                  "&& ip link set wire master br0");
        scene = set_scene();
        assert_int_equal(scene->bridge.mtu, 9000);
        scene->plan.pin_mac = true;
        assert_int_equal(be_born(scene), 0);
        mac = world_mac("br0");
        assert_true(mac_equal(&mac, &scene->bridge.mac));
        assert_int_equal(world_mtu("br0"), 9000);
        assert_int_equal(world_mtu(NAME), 9000);
        clear_scene(scene);
}

static void without_a_bridge_it_is_born_too(void **state) {
        Scene *scene = set_scene();

        assert_int_equal(be_born(scene), 0);
        assert_true(world_link_says(NAME, ",UP"));
        assert_int_equal(world_mtu(NAME), 1500);
        assert_false(world_link_says(NAME, "master"));
        clear_scene(scene);
}

static void it_has_as_many_queues_as_planned(void **state) {
        static const unsigned numbers[] = { 1, 2, 16 };

        world_run("ip link add br0 type bridge");
        for (size_t i = 0; i < ELEMENTS(numbers); i++) {
                Scene *scene = set_scene();
                char words[32];

                scene->plan.device.multiqueue = true;
                scene->plan.queues = numbers[i];
                assert_int_equal(be_born(scene), 0);
                assert_int_equal(scene->queues.n, numbers[i]);
                assert_int_equal(scene->link.tun.queues, numbers[i]);
                snprintf(words, sizeof(words), "numqueues %u ", numbers[i]);
                assert_true(world_link_says(NAME, words));
                clear_scene(scene);
                assert_true(world_loses_link(NAME));
        }
}

/* This holds for one queue, too: the device has room for 256 that may be opened later. */
static void a_multiqueue_tap_has_no_queueing_discipline_for_each_queue(void **state) {
        world_run("ip link add br0 type bridge");
        for (unsigned queues = 1; queues <= 2; queues++) {
                Scene *scene = set_scene();
                const char *disciplines;

                scene->plan.device.multiqueue = true;
                scene->plan.queues = queues;
                assert_int_equal(be_born(scene), 0);
                disciplines = world_read("tc qdisc show dev " NAME);
                assert_int_equal(strncmp(disciplines, "qdisc noqueue ", 14), 0);
                assert_null(strchr(disciplines, '\n'));
                clear_scene(scene);
                assert_true(world_loses_link(NAME));
        }
}

/* The setup must fail; then its queues are closed, and the world is as it was. */
static void assert_stillborn(Scene *scene, int error, FailureKind kind) {
        int r = be_born(scene);

        if (r != error || scene->failure.kind != kind)
                fail_msg("%s instead of %s, kind %d: %s", strerror(-r), strerror(-error),
                                (int)scene->failure.kind, scene->failure.text);
        if (world_has_link(NAME))
                assert_int_equal(scene->ifindex, world_ifindex(NAME));
        read_steps(scene);
        for (size_t i = 0; i < scene->n_steps; i++)
                assert_false(scene->steps[i].flags & IFF_UP);
        clear_scene(scene);
        assert_true(world_loses_link(NAME));
}

static void a_name_that_is_taken_is_eexist_and_no_ifindex(void **state) {
        Scene *scene;

        world_run("ip tuntap add dev " NAME " mode tap");
        scene = set_scene();
        assert_int_equal(be_born(scene), -EEXIST);
        assert_int_equal(scene->ifindex, 0);
        assert_int_equal(scene->queues.n, 0);
        clear_scene(scene);
        assert_true(world_has_link(NAME));
}

static void a_bridge_deleted_meanwhile_is_stale(void **state) {
        Scene *scene;
        unsigned links, fds;

        world_run("ip link add br0 type bridge");
        scene = set_scene();
        world_run("ip link del br0");
        links = world_count_links();
        fds = world_count_fds() - 2; /* the scene's own sockets */
        assert_stillborn(scene, -ESTALE, FAILURE_STALE);
        assert_int_equal(world_count_links(), links);
        assert_int_equal(world_count_fds(), fds);
}

static void a_bridge_replaced_by_its_namesake_is_stale_and_untouched(void **state) {
        Scene *scene;

        world_run("ip link add br0 type bridge");
        scene = set_scene();
        world_run("ip link del br0 && ip link add br0 type bridge");
        assert_stillborn(scene, -ESTALE, FAILURE_STALE);
        assert_string_equal(world_read("cat /sys/class/net/br0/addr_assign_type"), "1");
}

static void a_mac_with_a_static_entry_is_in_use(void **state) {
        Scene *scene;

        world_run("ip link add br0 type bridge && ip tuntap add dev tap0 mode tap && "
                  "ip link set tap0 master br0 && "
                  "bridge fdb add 52:54:00:12:34:56 dev tap0 master static");
        scene = set_scene();
        assert_stillborn(scene, -EADDRINUSE, FAILURE_MAC_IN_USE);
        assert_non_null(strstr(world_read("bridge fdb show dev tap0"), "52:54:00:12:34:56"));
}

static void an_mtu_that_changes_no_bridge_is_taken(void **state) {
        Scene *scene;

        world_run("ip link add br0 type bridge && ip link set br0 mtu 1400");
        scene = set_scene();
        scene->plan.mtu = 9000;
        assert_int_equal(be_born(scene), 0);
        assert_int_equal(world_mtu("br0"), 1400);
        assert_int_equal(world_mtu(NAME), 9000);
        clear_scene(scene);
}

static void an_mtu_past_the_devices_is_refused_by_the_kernels_words(void **state) {
        Scene *scene = set_scene();

        scene->plan.mtu = 65522;
        be_born(scene);
        assert_int_equal(scene->failure.kind, FAILURE_KERNEL);
        assert_non_null(strstr(scene->failure.text, "mtu greater than device maximum"));
        clear_scene(scene);
        assert_true(world_loses_link(NAME));
}

static void a_full_bridge_says_so(void **state) {
        Scene *scene;

        /* 1,023 ports: both ends of 511 pairs, and one end of another. */
        world_run("(echo link add br0 type bridge; for i in $(seq 1 512); do "
                  "echo link add p$i master br0 type veth peer name q$i; done; "
                  "for i in $(seq 1 511); do echo link set q$i master br0; done) | ip -batch -");
        scene = set_scene();
        assert_stillborn(scene, -EXFULL, FAILURE_BRIDGE_FULL);
}

static void what_is_no_bridge_is_not_joined(void **state) {
        Scene *scene;

        world_run("ip link add br0 type veth peer name other");
        scene = set_scene();
        assert_true(be_born(scene) < 0);
        assert_int_not_equal(scene->failure.kind, FAILURE_NONE);
        clear_scene(scene);
        assert_true(world_loses_link(NAME));
}

/* The group matters most: the filters of all taps recognize the tap by it alone. */
static void what_somebody_changes_of_it_before_it_is_up_ends_it(void **state) {
        static const struct {
                const char *command, *what;
        } changes[] = {
                { "ip link set " NAME " group 7", "group" },
                { "ip link set " NAME " group 0", "group" },
                { "ip link set " NAME " address 02:00:00:00:00:09", "MAC" },
                { "ip link set " NAME " mtu 1300", "MTU" },
                { "ip link set " NAME " nomaster", "bridge" },
                { "bridge link set dev " NAME " guard on", "port" },
        };

        world_run("ip link add br0 type bridge");
        for (size_t i = 0; i < ELEMENTS(changes); i++) {
                char words[64];
                Scene *scene = set_scene();

                snprintf(words, sizeof(words), "new tap's %s is not", changes[i].what);
                meddling = changes[i].command;
                assert_stillborn(scene, -EXDEV, FAILURE_KERNEL);
                assert_non_null(strstr(scene->failure.text, words));
        }
}

static void a_hundred_births_and_failures_leave_nothing(void **state) {
        unsigned links, fds;

        world_run("ip link add br0 type bridge && ip link add p0 master br0 type veth peer name "
                  "q0");
        links = world_count_links();
        fds = world_count_fds();
        for (int i = 0; i < 100; i++) {
                Scene *scene = set_scene();

                world_run(i % 2 ? "bridge fdb del 52:54:00:12:34:56 dev p0 master"
                                : "bridge fdb add 52:54:00:12:34:56 dev p0 master static");
                assert_int_equal(be_born(scene) < 0, i % 2 == 0);
                clear_scene(scene);
                assert_true(world_loses_link(NAME));
        }
        assert_int_equal(world_count_links(), links);
        assert_int_equal(world_count_fds(), fds);
        assert_null(strstr(world_read("bridge fdb show br br0"), "52:54:00:12:34:56"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(it_is_born_on_its_bridge_with_everything, world_enter),
                cmocka_unit_test_setup(when_it_comes_up_everything_stands_already, world_enter),
                cmocka_unit_test_setup(
                                on_its_bridge_it_is_never_without_mac_mtu_and_tag, world_enter),
                cmocka_unit_test_setup(with_a_tag_it_is_roots_already, world_enter),
                cmocka_unit_test_setup(the_bridge_keeps_mac_and_mtu, world_enter),
                cmocka_unit_test_setup(without_a_bridge_it_is_born_too, world_enter),
                cmocka_unit_test_setup(it_has_as_many_queues_as_planned, world_enter),
                cmocka_unit_test_setup(a_multiqueue_tap_has_no_queueing_discipline_for_each_queue,
                                world_enter),
                cmocka_unit_test_setup(a_name_that_is_taken_is_eexist_and_no_ifindex, world_enter),
                cmocka_unit_test_setup(a_bridge_deleted_meanwhile_is_stale, world_enter),
                cmocka_unit_test_setup(a_bridge_replaced_by_its_namesake_is_stale_and_untouched,
                                world_enter),
                cmocka_unit_test_setup(a_mac_with_a_static_entry_is_in_use, world_enter),
                cmocka_unit_test_setup(an_mtu_that_changes_no_bridge_is_taken, world_enter),
                cmocka_unit_test_setup(an_mtu_past_the_devices_is_refused_by_the_kernels_words,
                                world_enter),
                cmocka_unit_test_setup(a_full_bridge_says_so, world_enter),
                cmocka_unit_test_setup(what_is_no_bridge_is_not_joined, world_enter),
                cmocka_unit_test_setup(
                                what_somebody_changes_of_it_before_it_is_up_ends_it, world_enter),
                cmocka_unit_test_setup(a_hundred_births_and_failures_leave_nothing, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("tap-setup", tests, NULL, NULL);
}
