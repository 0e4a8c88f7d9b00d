/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manager on a real kernel and a real loop: what it creates, what it refuses, how endpoints
 * end, and that a failure leaves nothing. getrandom(2) is wrapped, so that names and MACs can
 * collide, and so are steps of a creation, so that they fail, or another program interferes at
 * them.
 */
#include <errno.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ifname.h"
#include "kernel/tap.h"
#include "stage.h"
#include "taps/bridge-list.h"
#include "taps/deletion.h"
#include "taps/open-queues.h"
#include "taps/tamper-guard.h"
#include "taps/tap-creation.h"
#include "taps/tracker.h"
#include "testing.h"
#include "world.h"

/* What getrandom(2) returns next, as long as anything is left in it. */
static struct {
        unsigned char bytes[64];
        size_t size, at;
} fixed_random;

ssize_t __real_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags);

ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned flags) {
        if (fixed_random.at + size > fixed_random.size)
                return __real_getrandom(buffer, size, flags);
        memcpy(buffer, fixed_random.bytes + fixed_random.at, size);
        fixed_random.at += size;
        return (ssize_t)size;
}

/* Interference by another program when a tap has been created and is not announced yet. */
static const char *in_between;

bool __real_link_monitor_catch_up(LinkMonitor *monitor);
bool __wrap_link_monitor_catch_up(LinkMonitor *monitor);

bool __wrap_link_monitor_catch_up(LinkMonitor *monitor) {
        if (in_between)
                world_run("%s", in_between);
        return __real_link_monitor_catch_up(monitor);
}

static void fix_random(const void *bytes, size_t size) {
        memcpy(fixed_random.bytes, bytes, size);
        fixed_random.size = size;
        fixed_random.at = 0;
}

/* Faults at the steps of a creation, and of a deletion. */
static struct {
        int racer; /* the fd of a queue of the first new device, which somebody opens; -1: nobody
                      does yet */
        bool race; /* another program will open one */
        bool no_record; /* no memory for its record, once */
        bool no_bridge; /* nor for its place on the bridge */
        bool owner;     /* the link to be deleted turns out to be another's by then */
        unsigned deletions;
} wrong;

int __real_link_configure(
                Netlink *netlink, int ifindex, const LinkSettings *settings, Failure *failure);
int __wrap_link_configure(
                Netlink *netlink, int ifindex, const LinkSettings *settings, Failure *failure);

int __wrap_link_configure(
                Netlink *netlink, int ifindex, const LinkSettings *settings, Failure *failure) {
        TapDevice device = { .multiqueue = true };

        if (wrong.race && wrong.racer < 0) {
                assert_non_null(if_indextoname((unsigned)ifindex, device.name));
                assert_int_equal(tap_open_queue(&device, &wrong.racer, NULL), 0);
        }
        return __real_link_configure(netlink, ifindex, settings, failure);
}

static int fail_once(bool *wanted) {
        const bool fails = *wanted;

        *wanted = false;
        return fails ? -ENOMEM : 0;
}

int __real_registry_add(Registry *registry, Endpoint *endpoint);
int __wrap_registry_add(Registry *registry, Endpoint *endpoint);

int __wrap_registry_add(Registry *registry, Endpoint *endpoint) {
        int r = fail_once(&wrong.no_record);

        return r < 0 ? r : __real_registry_add(registry, endpoint);
}

int __real_deletion_submit(Workers *workers, int ifindex, uint32_t nonce, deletion_done_t on_done,
                void *userdata);
int __wrap_deletion_submit(Workers *workers, int ifindex, uint32_t nonce, deletion_done_t on_done,
                void *userdata);

int __wrap_deletion_submit(Workers *workers, int ifindex, uint32_t nonce, deletion_done_t on_done,
                void *userdata) {
        wrong.deletions++;
        return __real_deletion_submit(workers, ifindex, nonce + wrong.owner, on_done, userdata);
}

int __real_manager_enter_bridge(
                Manager *manager, Endpoint *endpoint, const char *name, int ifindex);
int __wrap_manager_enter_bridge(
                Manager *manager, Endpoint *endpoint, const char *name, int ifindex);

int __wrap_manager_enter_bridge(
                Manager *manager, Endpoint *endpoint, const char *name, int ifindex) {
        int r = fail_once(&wrong.no_bridge);

        return r < 0 ? r : __real_manager_enter_bridge(manager, endpoint, name, ifindex);
}

static int enter_world_with_bridge(void **state) {
        fix_random("", 0);
        memset(&wrong, 0, sizeof(wrong));
        wrong.racer = -1;
        if (world_enter(state) < 0)
                return -1;
        world_run("ip link add br0 type bridge && ip link set br0 up");
        return 0;
}

static TapRequest request_with_mac(const char *mac) {
        TapRequest request = TAP_REQUEST_INIT;

        assert_int_equal(tap_request_set_bridge(&request, "br0", NULL), 0);
        assert_int_equal(tap_request_set_guest_mac(&request, mac, NULL), 0);
        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        return request;
}

static TapRequest request_with_queues(unsigned queues) {
        TapRequest request = {
                .bridge = "br0", .multiqueue = true, .has_queues = true, .queues = queues
        };

        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        return request;
}

static TapRequest request_with_label(const char *label) {
        TapRequest request = stage_request();

        assert_int_equal(tap_request_set_label(&request, label, NULL), 0);
        return request;
}

static void the_facts_are_those_of_the_host_and_no_scratch_is_left(void **state) {
        Stage stage;
        const HostCapabilities *facts;

        stage_enter(&stage);
        facts = manager_capabilities(stage.manager);
        assert_int_equal(facts->max_queues, 256);
        assert_true(facts->cpus >= 1);
        assert_true(facts->offloads.mask & OFFLOAD_CSUM);
        stage_run(&stage, 50);
        assert_int_equal(world_count_links(), 2);
        assert_int_equal(stage_count_endpoints(&stage), 0);
        assert_int_equal(stage.appeared + stage.changed + stage.leaving, 0);
        stage_leave(&stage);
}

static void without_the_tun_device_it_starts_and_offers_nothing(void **state) {
        const TapRequest request = stage_request();
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint = NULL;
        Placement place;
        Stage stage;

        assert_int_equal(mount("tmpfs", "/dev/net", "tmpfs", 0, NULL), 0);
        stage_enter(&stage);
        assert_int_equal(manager_capabilities(stage.manager)->max_queues, 0);
        assert_int_equal(manager_capabilities(stage.manager)->offloads.mask, 0);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &(List *){ NULL }, &failure),
                        0);
        assert_true(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL), &place, &queues,
                                    &endpoint, &failure) < 0);
        assert_int_equal(failure.kind, FAILURE_NOT_SUPPORTED);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void what_is_created_is_there_and_is_found(void **state) {
        TapRequest request = request_with_label("web");
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(queues.n, 1);
        assert_int_equal(stage.appeared, 1);
        assert_string_equal(endpoint->now.name, ifname_of_nonce(endpoint->tag.nonce, name));
        assert_int_equal(endpoint->now.ifindex, world_ifindex(name));
        assert_true(world_link_says(name, "master br0"));
        assert_true(world_link_says(name, ",UP"));
        assert_int_equal(endpoint->tag.uid, 1000);
        assert_string_equal(endpoint->creator, ":1.5");
        assert_ptr_equal(manager_find(stage.manager, endpoint->tag.nonce), endpoint);
        assert_ptr_equal(manager_find_interface(stage.manager, name), endpoint);
        assert_ptr_equal(manager_find_label(stage.manager, 1000, "web"), endpoint);
        assert_null(manager_find_label(stage.manager, 1001, "web"));
        assert_ptr_equal(manager_next(stage.manager, NULL), endpoint);
        assert_null(manager_next(stage.manager, endpoint));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* The events about the steps of a setup are older than what is known at its end. */
static void its_own_birth_is_no_news(void **state) {
        TapRequest request = request_with_queues(4);
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        stage_run(&stage, 50);
        if (stage.changed != 0)
                fail_msg("%u changes, bits %#x", stage.changed, stage.changes);
        assert_int_equal(stage.appeared, 1);
        assert_int_equal(endpoint->now.master, world_ifindex("br0"));
        assert_int_equal(endpoint->now.tun.queues, 4);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void closing_the_last_fd_ends_it_once(void **state) {
        TapRequest request = request_with_queues(3);
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        uint32_t nonce;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        nonce = endpoint->tag.nonce;
        close(queues.fds[--queues.n]);
        stage_run(&stage, 50);
        assert_int_equal(stage.leaving, 0);
        assert_int_equal(endpoint->now.tun.queues, 2);
        fdset_done(&queues);
        stage_run_until_left(&stage, 1);
        stage_run(&stage, 50);
        assert_int_equal(stage.leaving, 1);
        assert_int_equal(stage.last_nonce, nonce);
        assert_null(manager_find(stage.manager, nonce));
        assert_int_equal(stage_count_endpoints(&stage), 0);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void our_copies_are_closed_off_the_loop_and_the_tap_lives_on(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT, client = FDSET_INIT;
        unsigned fds;
        Stage stage;

        stage_enter(&stage);
        fds = stage_count_fds(&stage);
        stage_create(&stage, &request, &queues);
        assert_int_equal(fdset_add(&client, dup(queues.fds[0])), 0);
        manager_close_queues(stage.manager, 1000, 1, &queues);
        stage_await(&stage, world_count_fds() == fds + 1);
        stage_run(&stage, 50);
        assert_int_equal(stage.leaving, 0);
        fdset_done(&client);
        stage_run_until_left(&stage, 1);
        stage_leave(&stage);
}

static void changes_from_outside_are_followed_and_told(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        strcpy(name, endpoint->now.name);
        stage_run(&stage, 50);

        stage.changes = 0;
        world_run("ip link set %s mtu 1400", name);
        stage_run(&stage, 50);
        assert_int_equal(stage.changes, ENDPOINT_CHANGED_MTU | ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->now.mtu, 1400);

        stage.changes = 0;
        world_run("ip link set %s type bridge_slave isolated on", name);
        stage_run(&stage, 50);
        assert_int_equal(stage.changes, ENDPOINT_CHANGED_PORT);
        assert_true(endpoint->now.port.isolated);

        stage.changes = 0;
        world_run("ip link set %s nomaster", name);
        stage_run(&stage, 50);
        assert_true(stage.changes & ENDPOINT_CHANGED_BRIDGE);
        assert_int_equal(endpoint->now.master, 0);
        assert_int_equal(stage.leaving, 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* The kernel reports these only with the family AF_BRIDGE. */
static void flags_of_the_port_changed_through_the_bridge_are_restored(void **state) {
        TapRequest request = request_with_mac("52:54:00:12:34:56");
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        assert_true(endpoint_has_anti_spoof(endpoint));
        stage_run(&stage, 50);
        stage.changes = 0;
        world_run("bridge link set dev %s locked off learning on", endpoint->now.name);
        stage_run(&stage, 50);
        assert_true(endpoint_has_anti_spoof(endpoint));
        assert_true(world_link_says(endpoint->now.name, "locked on"));
        assert_true(world_link_says(endpoint->now.name, "learning off"));
        assert_int_equal(endpoint->warnings, 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* This is the administrator's choice: more protection than at its creation. */
static void flags_that_protect_more_are_followed(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        stage_run(&stage, 50);
        stage.changes = 0;
        world_run("bridge link set dev %s isolated on", endpoint->now.name);
        stage_run(&stage, 50);
        assert_true(endpoint->now.port.isolated);
        assert_int_equal(stage.changes, ENDPOINT_CHANGED_PORT);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void renamed_it_is_found_by_its_new_name_and_its_old_nonce(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        strcpy(name, endpoint->now.name);
        stage_run(&stage, 50);
        stage.changes = 0;
        world_run("ip link set %s down && ip link set %s name other && ip link set other up", name,
                        name);
        stage_run(&stage, 50);
        /* While it was down its port forwarded nothing, which may have been noticed or not. */
        assert_int_equal(stage.changes & ~(unsigned)ENDPOINT_CHANGED_FORWARDING,
                        ENDPOINT_CHANGED_NAME | ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->warnings, ENDPOINT_WARNING_RENAMED);
        assert_string_equal(endpoint->now.name, "other");
        assert_ptr_equal(manager_find_interface(stage.manager, "other"), endpoint);
        assert_null(manager_find_interface(stage.manager, name));
        assert_ptr_equal(manager_find(stage.manager, endpoint->tag.nonce), endpoint);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void an_interface_of_somebody_else_is_not_found(void **state) {
        Stage stage;

        stage_enter(&stage);
        assert_null(manager_find_interface(stage.manager, "lo"));
        assert_null(manager_find_interface(stage.manager, "br0"));
        assert_null(manager_find_interface(stage.manager, "nowhere"));
        assert_null(manager_find_interface(stage.manager, ""));
        assert_null(manager_find_interface(stage.manager, "a-name-of-more-than-fifteen-bytes"));
        stage_leave(&stage);
}

static void released_it_is_deleted_and_who_waits_is_told(void **state) {
        TapRequest request = stage_request();
        Waiter first = WAITER_INIT, second = WAITER_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        strcpy(name, endpoint->now.name);
        assert_int_equal(manager_release(stage.manager, endpoint, &first.watch), 0);
        assert_int_equal(manager_release(stage.manager, endpoint, &second.watch), 0);
        assert_int_equal(first.told, 0);
        stage_run_until_left(&stage, 1);
        stage_run(&stage, 50);
        assert_int_equal(first.told, 1);
        assert_int_equal(first.error, 0);
        assert_int_equal(second.told, 1);
        assert_int_equal(second.error, 0);
        assert_false(world_has_link(name));
        assert_true(stage_owes_nothing(&stage, 1000));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* The tag makes it vnicd's: when an administrator removes the tag it is the administrator's, as it
 * would be after a restart. */
static void without_its_tag_it_is_not_ours_any_more(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        strcpy(name, stage_create(&stage, &request, &queues)->now.name);
        world_run("ip link set %s alias mine", name);
        stage_run_until_left(&stage, 1);
        assert_int_equal(stage.end, ENDPOINT_END_CLOSED);
        assert_true(world_has_link(name));
        assert_int_equal(stage_count_endpoints(&stage), 0);
        assert_true(stage_owes_nothing(&stage, 1000));
        fdset_done(&queues);
        stage_leave(&stage);
}

static void with_the_tag_of_another_user_it_is_his(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        uint32_t nonce;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        nonce = endpoint->tag.nonce;
        world_run("ip link set %s alias 'vnicd:1 uid=1001 life=fd queues=1 nonce=%08x hdr=0 "
                  "mac=52:54:00:00:00:01 at=1'",
                        endpoint->now.name, nonce);
        stage_run_until_left(&stage, 1);
        assert_int_equal(stage.appeared, 2);
        assert_int_equal(manager_find(stage.manager, nonce)->tag.uid, 1001);
        assert_true(stage_owes_nothing(&stage, 1000));
        assert_false(stage_owes_nothing(&stage, 1001));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* An administrator may do this: replace one word of the tag with another. */
static void change_tag(const char *name, const char *word, const char *other) {
        world_run("ip link set %s alias \"$(sed s/%s/%s/ /sys/class/net/%s/ifalias)\"", name, word,
                        other, name);
}

/* It is as if it had been created with that label: the old one is free again. */
static void with_another_label_in_its_tag_it_is_found_by_that(void **state) {
        TapRequest request = request_with_label("web");
        FdSet queues = FDSET_INIT;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        strcpy(name, stage_create(&stage, &request, &queues)->now.name);
        change_tag(name, "label=web", "label=db");
        stage_await(&stage, manager_find_label(stage.manager, 1000, "db"));
        assert_null(manager_find_label(stage.manager, 1000, "web"));
        assert_string_equal(manager_find_label(stage.manager, 1000, "db")->now.name, name);
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_int_equal(stage.leaving, 1);
        assert_int_equal(stage.appeared, 2);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void with_another_user_in_its_tag_it_is_theirs(void **state) {
        TapRequest request = request_with_label("web");
        FdSet queues = FDSET_INIT;
        char name[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        strcpy(name, stage_create(&stage, &request, &queues)->now.name);
        change_tag(name, "uid=1000", "uid=1001");
        stage_await(&stage, manager_find_label(stage.manager, 1001, "web"));
        assert_null(manager_find_label(stage.manager, 1000, "web"));
        assert_true(stage_owes_nothing(&stage, 1000));
        assert_false(stage_owes_nothing(&stage, 1001));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Between the decision and the deletion another program has given it a tag that is not this
 * endpoint's; the event has not been read yet. Nothing will ever make it this endpoint's again. */
static void what_is_not_its_own_any_more_is_not_tried_again_to_be_deleted(void **state) {
        TapRequest request = stage_request();
        Waiter waiter = WAITER_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        uint32_t nonce;
        uint64_t end;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        nonce = endpoint->tag.nonce;
        wrong.deletions = 0;
        wrong.owner = true;
        assert_int_equal(manager_delete(stage.manager, endpoint, ENDPOINT_END_TAMPERED), 0);
        stage_await(&stage, endpoint->state == ENDPOINT_LIVE);
        end = clock_now_usec() + 400 * 1000;
        while (stage_run_for_a_moment(&stage, end))
                ;
        assert_int_equal(wrong.deletions, 1);
        /* It is deleted when somebody requests that again. */
        wrong.owner = false;
        assert_ptr_equal(manager_find(stage.manager, nonce), endpoint);
        assert_int_equal(manager_release(stage.manager, endpoint, &waiter.watch), 0);
        stage_run_until_left(&stage, 1);
        assert_int_equal(waiter.error, 0);
        assert_int_equal(wrong.deletions, 2);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void released_when_it_is_gone_already_the_wait_ends_too(void **state) {
        TapRequest request = stage_request();
        Waiter waiter = WAITER_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        fdset_done(&queues); /* gone in the kernel; the loop has not seen it */
        assert_int_equal(manager_release(stage.manager, endpoint, &waiter.watch), 0);
        stage_run_until_left(&stage, 1);
        assert_int_equal(waiter.told, 1);
        assert_int_equal(waiter.error, 0);
        stage_leave(&stage);
}

static void who_waits_at_the_end_of_the_service_is_told(void **state) {
        TapRequest request = stage_request();
        Waiter waiter = WAITER_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(manager_release(stage.manager, endpoint, &waiter.watch), 0);
        stage_leave(&stage);
        assert_int_equal(waiter.told, 1);
        fdset_done(&queues);
}

/* The result of a check that finds no placement, whatever was in it before. */
static bool place_is_empty(const Placement *place) {
        return place->bridge.ifindex == 0 && *place->bridge.name == '\0' && !place->plan &&
                        !place->network && !place->shared && !place->unfiltered;
}

static void assert_look_refuses(Stage *stage, const TapRequest *request, FailureKind kind) {
        Failure failure = FAILURE_INIT;
        List *wait_for = (List *)stage;
        Placement place;
        int r;

        memset(&place, 0xa5, sizeof(place));
        r = placement_check(
                        stage->manager, request, CLIENT(1000, NULL), &place, &wait_for, &failure);

        assert_true(r < 0);
        assert_null(wait_for);
        assert_true(place_is_empty(&place));
        if (failure.kind != kind)
                fail_msg("kind %d: %s", (int)failure.kind, failure.text);
}

static void a_look_refuses_what_cannot_succeed(void **state) {
        TapRequest request = stage_request();
        Stage stage;

        stage_enter(&stage);
        strcpy(request.bridge, "nowhere");
        assert_look_refuses(&stage, &request, FAILURE_NO_SUCH_BRIDGE);
        strcpy(request.bridge, "lo");
        assert_look_refuses(&stage, &request, FAILURE_NOT_A_BRIDGE);
        request = stage_request();
        request.has_mtu = true;
        request.mtu = 1499;
        assert_look_refuses(&stage, &request, FAILURE_INVALID_OPTION);
        world_run("ip tuntap add dev tap0 mode tap && ip link set tap0 master br0 && "
                  "bridge fdb add 52:54:00:12:34:56 dev tap0 master static");
        request = request_with_mac("52:54:00:12:34:56");
        assert_look_refuses(&stage, &request, FAILURE_MAC_IN_USE);
        stage_leave(&stage);
}

/* The host side's MAC goes with the guest's: it must be free as well. */
static void a_look_refuses_a_mac_whose_other_half_is_taken(void **state) {
        TapRequest request = request_with_mac("52:54:00:12:34:56");
        Stage stage;

        world_run("ip tuntap add dev tap0 mode tap && ip link set tap0 master br0 && "
                  "bridge fdb add fe:54:00:12:34:56 dev tap0 master static");
        stage_enter(&stage);
        assert_look_refuses(&stage, &request, FAILURE_MAC_IN_USE);
        stage_leave(&stage);
}

static void a_label_is_taken_while_its_endpoint_lives(void **state) {
        TapRequest request = request_with_label("web");
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Placement place;
        Stage stage;

        stage_enter(&stage);
        stage_create(&stage, &request, &queues);
        assert_look_refuses(&stage, &request, FAILURE_NAME_TAKEN);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1001, NULL), &place,
                                         &(List *){ NULL }, &failure),
                        0);
        fdset_done(&queues);
        stage_run_until_left(&stage, 1);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &(List *){ NULL }, &failure),
                        0);
        stage_leave(&stage);
}

static void past_the_limits_a_look_says_quota(void **state) {
        TapRequest request = request_with_queues(16);
        FdSet queues[4];
        Stage stage;

        stage_enter(&stage);
        for (size_t i = 0; i < ELEMENTS(queues); i++)
                stage_create(&stage, &request, &queues[i]);
        request = stage_request();
        assert_look_refuses(&stage, &request, FAILURE_QUOTA_EXCEEDED);
        for (size_t i = 0; i < ELEMENTS(queues); i++)
                fdset_done(&queues[i]);
        stage_run_until_left(&stage, 4);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

/* common/failure.h: functions leave it untouched on success. Anything left in it would be reported
 * for a later error that has no text of its own. */
static void a_look_that_succeeds_leaves_no_failure(void **state) {
        TapRequest requests[] = { stage_request(), request_with_mac("52:54:00:12:34:56") };
        Stage stage;

        stage_enter(&stage);
        for (size_t i = 0; i < ELEMENTS(requests); i++) {
                Failure failure = FAILURE_INIT;
                List *wait_for = NULL;
                Placement place;

                assert_int_equal(placement_check(stage.manager, &requests[i], CLIENT(1000, NULL),
                                                 &place, &wait_for, &failure),
                                0);
                if (failure.kind != FAILURE_NONE)
                        fail_msg("request %zu: \"%s\"", i, failure.text);
        }
        stage_leave(&stage);
}

static void a_creation_that_succeeds_leaves_no_failure(void **state) {
        TapRequest request = stage_request();
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint = NULL;
        Placement place;
        Stage stage;

        stage_enter(&stage);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &(List *){ NULL }, NULL),
                        0);
        assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &queues, &endpoint, &failure),
                        0);
        if (failure.kind != FAILURE_NONE)
                fail_msg("\"%s\"", failure.text);
        fdset_done(&queues);
        stage_leave(&stage);
}

static int look_for_mac(Stage *stage, const char *mac, List **ret_wait_for) {
        TapRequest request = request_with_mac(mac);
        Placement place;
        int r;

        memset(&place, 0xa5, sizeof(place));
        *ret_wait_for = (List *)stage;
        r = placement_check(
                        stage->manager, &request, CLIENT(1000, NULL), &place, ret_wait_for, NULL);
        assert_true(place_is_empty(&place));
        return r;
}

static void the_mac_of_one_under_deletion_is_waited_for(void **state) {
        TapRequest request = request_with_mac("52:54:00:12:34:56");
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        List *wait_for;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(look_for_mac(&stage, "52:54:00:12:34:56", &wait_for), -EADDRINUSE);
        endpoint->state = ENDPOINT_DELETING; /* as manager_release() does, but the kernel takes its
                                                time */
        assert_int_equal(look_for_mac(&stage, "52:54:00:12:34:56", &wait_for), PLACEMENT_BLOCKED);
        assert_ptr_equal(wait_for, &endpoint->waiters);
        endpoint->state = ENDPOINT_LIVE;
        fdset_done(&queues);
        stage_leave(&stage);
}

/* The contract: an FDB entry of an endpoint that is being deleted is waited for, not refused. A
 * creation that failed after joining the bridge leaves such an entry for some 15 ms. */
static void the_mac_of_a_creation_that_failed_is_waited_for(void **state) {
        TapRequest request = request_with_mac("52:54:00:12:34:56");
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        List *wait_for;
        Stage stage;
        int r;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        endpoint->state = ENDPOINT_ABORTED; /* as abort_creation() does, but the kernel takes its
                                               time */
        r = look_for_mac(&stage, "52:54:00:12:34:56", &wait_for);
        endpoint->state = ENDPOINT_LIVE;
        assert_int_equal(r, PLACEMENT_BLOCKED);
        assert_ptr_equal(wait_for, &endpoint->waiters);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* As a client sees it: if something is being removed, the question waits until it is gone. */
static void look(Stage *stage, const TapRequest *request, Placement *ret_place) {
        List *wait_for = NULL;
        int r = PLACEMENT_BLOCKED;

        for (int i = 0; i < 100 && r == PLACEMENT_BLOCKED; i++) {
                r = placement_check(stage->manager, request, CLIENT(1000, NULL), ret_place,
                                &wait_for, NULL);
                if (r == PLACEMENT_BLOCKED)
                        assert_ok(sd_event_run(stage->event, 20 * 1000));
        }
        assert_int_equal(r, 0);
}

/* A creation that fails at its last step but one: between the check and the act, another port
 * takes the guest's MAC. */
static void fail_to_create(Stage *stage, const TapRequest *request) {
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint = NULL;
        Placement place;
        int r;

        look(stage, request, &place);
        world_run("bridge fdb add 52:54:00:12:34:57 dev p0 master static");
        r = manager_create_tap(stage->manager, request, CLIENT(1000, NULL), &place, &queues,
                        &endpoint, &failure);
        world_run("bridge fdb del 52:54:00:12:34:57 dev p0 master");
        assert_int_equal(r, -EADDRINUSE);
        assert_int_equal(failure.kind, FAILURE_MAC_IN_USE);
        assert_int_equal(queues.n, 0);
}

/* Without its entry a locked port accepts frames from nobody. */
static void an_entry_that_is_lost_before_the_tap_is_announced_is_set_again(void **state) {
        TapRequest request;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        request = request_with_mac("52:54:00:12:34:58");
        request.anti_spoof = true;
        in_between = "bridge fdb del 52:54:00:12:34:58 dev $(ls /sys/class/net | grep vnic) master";
        endpoint = stage_create(&stage, &request, &queues);
        in_between = NULL;
        stage_run(&stage, 50);
        assert_non_null(strstr(world_read("bridge fdb show dev %s", endpoint->now.name),
                        "52:54:00:12:34:58"));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Whoever deletes the bridge of a network deletes what was made for it, shown or not. */
static void a_tap_whose_network_goes_while_it_is_made_is_taken_back(void **state) {
        NetworkPlan plan = NETWORK_PLAN_INIT;
        TapRequest request = TAP_REQUEST_INIT;
        FdSet queues = FDSET_INIT;
        Failure failure = FAILURE_INIT;
        Endpoint *endpoint = NULL;
        Network *network;
        Placement place;
        Stage stage;

        strcpy(plan.name, "net0");
        plan.kind = NETWORK_ISOLATED;
        assert_int_equal(network_plan_complete(&plan, NULL), 0);
        assert_int_equal(tap_request_set_bridge(&request, "net0", NULL), 0);
        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        stage_enter(&stage);
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         NULL),
                        0);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &(List *){ NULL }, NULL),
                        PLACEMENT_OK);
        in_between = "ip link del net0";
        assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, ":1.5"), &place,
                                         &queues, &endpoint, &failure),
                        -ESTALE);
        in_between = NULL;
        assert_int_equal(failure.kind, FAILURE_STALE);
        assert_null(endpoint);
        assert_int_equal(queues.n, 0);
        assert_int_equal(stage.networks_leaving, 1);
        stage_await(&stage, list_is_empty(&stage.manager->registry.endpoints));
        stage_await(&stage, !networks_find(manager_networks(stage.manager), "net0"));
        assert_int_equal(stage.appeared + stage.changed + stage.leaving, 0);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static TapRequest request_that_will_fail(void) {
        TapRequest request = request_with_mac("52:54:00:12:34:57");

        request.anti_spoof = true;
        world_run("ip link add p0 master br0 type veth peer name q0");
        return request;
}

static void a_creation_that_fails_shows_nothing_and_leaves_nothing(void **state) {
        TapRequest request;
        unsigned links, fds;
        Stage stage;

        stage_enter(&stage);
        request = request_that_will_fail();
        fds = stage_count_fds(&stage);
        links = world_count_links();
        for (int i = 0; i < 20; i++) {
                fail_to_create(&stage, &request);
                assert_int_equal(stage_count_endpoints(&stage), 0);
                assert_true(stage_owes_nothing(&stage, 1000));
                stage_await(&stage, world_count_links() == links);
        }
        stage_await(&stage,
                        list_is_empty(&stage.manager->registry
                                                        .endpoints)); /* the aborted as well */
        stage_await(&stage, world_count_fds() == fds);
        assert_int_equal(stage.appeared + stage.changed + stage.leaving, 0);
        stage_leave(&stage);
}

/* A process that has opened a queue of it would keep it alive that way. */
static void a_new_device_that_somebody_has_joined_is_deleted_and_another_one_made(void **state) {
        TapRequest request = request_with_queues(2);
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        unsigned links;
        Stage stage;

        stage_enter(&stage);
        links = world_count_links();
        wrong.race = true;
        endpoint = stage_create(&stage, &request, &queues);
        assert_true(wrong.racer >= 0);
        stage_await(&stage, world_count_links() == links + 1);
        assert_true(world_link_says(endpoint->now.name, "numqueues 2 "));
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_int_equal(stage.appeared, 1);
        assert_int_equal(stage.leaving, 0);
        close(wrong.racer);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* It lives without a queue: closing its queues does not remove it. */
static void a_persistent_tap_that_came_to_nothing_is_deleted(void **state) {
        TapRequest request = request_with_label("web");
        bool *const faults[] = { &wrong.no_record, &wrong.no_bridge };

        world_needs_the_hosts_root();
        request.persistent = true;
        for (size_t i = 0; i < ELEMENTS(faults); i++) {
                Failure failure = FAILURE_INIT;
                FdSet queues = FDSET_INIT;
                Endpoint *endpoint = NULL;
                Stage stage;
                Placement place;

                stage_enter(&stage);
                assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL),
                                                 &place, &(List *){ NULL }, NULL),
                                PLACEMENT_OK);
                *faults[i] = true;
                assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL),
                                                 &place, &queues, &endpoint, &failure),
                                -ENOMEM);
                assert_false(*faults[i]);
                assert_int_equal(queues.n, 0);
                stage_await(&stage, world_count_links() == 2);
                stage_await(&stage, list_is_empty(&stage.manager->registry.endpoints));
                assert_int_equal(stage.appeared + stage.leaving, 0);
                assert_true(stage_owes_nothing(&stage, 1000));
                stage_leave(&stage);
        }
}

static void an_mtu_other_than_the_bridges_is_refused_by_the_look(void **state) {
        static const uint32_t mtus[] = { 68, 1499, 1501, 9000 };
        TapRequest request = stage_request();
        List *wait_for;
        Placement place;
        Stage stage;

        stage_enter(&stage);
        for (size_t i = 0; i < sizeof(mtus) / sizeof(*mtus); i++) {
                Failure failure = FAILURE_INIT;

                request.has_mtu = true;
                request.mtu = mtus[i];
                assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL),
                                                 &place, &wait_for, &failure),
                                -EINVAL);
                assert_int_equal(failure.kind, FAILURE_INVALID_OPTION);
        }
        assert_int_equal(world_mtu("br0"), 1500);
        stage_leave(&stage);
}

/* The monitor does this after a loss: first it reads the pending events, then it compares
 * everything. What the kernel reports in between about a link that is being deleted is older than
 * what was seen. */
static void what_dies_is_never_adopted(void **state) {
        TapRequest request;
        Stage stage;

        stage_enter(&stage);
        request = request_that_will_fail();
        for (int i = 0; i < 20; i++) {
                fail_to_create(&stage, &request);
                for (int k = 0; k < 20; k++) {
                        link_monitor_catch_up(stage.manager->monitor);
                        assert_int_equal(manager_link_follower.resync(stage.manager), 0);
                        assert_int_equal(stage_count_endpoints(&stage), 0);
                }
                stage_run(&stage, 30);
        }
        assert_int_equal(stage.appeared, 0);
        assert_int_equal(stage.leaving, 0);
        stage_leave(&stage);
}

/* The same for one that was live: it leaves once. */
static void what_was_seen_to_be_gone_does_not_come_back(void **state) {
        TapRequest request = stage_request();
        Stage stage;

        stage_enter(&stage);
        for (unsigned i = 1; i <= 20; i++) {
                FdSet queues = FDSET_INIT;

                stage_create(&stage, &request, &queues);
                stage_run(&stage, 5);
                manager_close_queues(stage.manager, 1000, 1, &queues);
                for (int k = 0; k < 50; k++) {
                        link_monitor_catch_up(stage.manager->monitor);
                        assert_int_equal(manager_link_follower.resync(stage.manager), 0);
                }
                stage_run_until_left(&stage, i);
                stage_run(&stage, 30);
                assert_int_equal(stage.appeared, i);
                assert_int_equal(stage.leaving, i);
        }
        stage_leave(&stage);
}

static void a_bridge_deleted_after_the_look_is_stale(void **state) {
        TapRequest request = stage_request();
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint = NULL;
        Placement place;
        Stage stage;

        stage_enter(&stage);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &(List *){ NULL }, NULL),
                        0);
        world_run("ip link del br0");
        assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &queues, &endpoint, &failure),
                        -ESTALE);
        assert_int_equal(failure.kind, FAILURE_STALE);
        stage_await(&stage, world_count_links() == 1);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void a_name_that_is_taken_is_given_up_for_another(void **state) {
        static const unsigned char random[] = { 1, 2, 3, 0x78, 0x56, 0x34, 0x12 };
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        world_run("ip tuntap add dev vnic12345678 mode tap multi_queue");
        stage_enter(&stage);
        fix_random(random + 3, 4); /* the nonce is drawn first */
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(fixed_random.at, 4);
        assert_int_not_equal(endpoint->tag.nonce, 0x12345678);
        assert_int_equal(stage.appeared, 1);
        assert_true(world_link_says("vnic12345678", "numqueues 0 "));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* lan0, a port of the host, has the first MAC that is generated, by an entry of this kind. */
static void give_up_a_generated_mac(const char *kind) {
        static const unsigned char random[] = { 0x78, 0x56, 0x34, 0x12, 1, 2, 3 };
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        /* A port learns nothing before it forwards, which it will in a moment. */
        world_run("ip link add lan0 up master br0 type veth peer name lan1 && "
                  "ip link set lan1 up && timeout 5 sh -c '"
                  "until bridge fdb add 52:54:00:01:02:03 dev lan0 master %s 2>&-; "
                  "do sleep 0.01; done'",
                        kind);
        stage_enter(&stage);
        fix_random(random, sizeof(random));
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(fixed_random.at, sizeof(random));
        assert_memory_not_equal(&endpoint->tag.guest_mac, "\x52\x54\x00\x01\x02\x03", 6);
        assert_false(world_link_says(endpoint->now.name, "link/ether fe:54:00:01:02:03"));
        assert_non_null(strstr(world_read("bridge fdb show dev lan0"), "52:54:00:01:02:03"));
        fdset_done(&queues);
        stage_leave(&stage);
}

static void a_generated_mac_that_is_taken_is_given_up_for_another(void **state) {
        give_up_a_generated_mac("static");
}

/* Nobody authorized taking it over, as is required for a given one. */
static void a_generated_mac_that_is_heard_elsewhere_is_given_up_for_another(void **state) {
        give_up_a_generated_mac("dynamic");
}

static void further_queues_are_of_the_same_tap_and_are_charged(void **state) {
        TapRequest request = request_with_queues(2);
        FdSet queues = FDSET_INIT, more = FDSET_INIT;
        Failure failure = FAILURE_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(manager_open_queues(stage.manager, endpoint, &LIMITS_DEFAULT, 3, &more,
                                         &failure),
                        0);
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_int_equal(more.n, 3);
        assert_int_equal(endpoint->now.tun.queues, 5);
        assert_true(world_link_says(endpoint->now.name, "numqueues 5 "));
        assert_int_equal(quota_check(stage.manager->quota, 1000, &LIMITS_DEFAULT, 0, 59, NULL), 0);
        assert_int_equal(quota_check(stage.manager->quota, 1000, &LIMITS_DEFAULT, 0, 60, NULL),
                        -EDQUOT);
        fdset_done(&queues);
        stage_run(&stage, 50);
        assert_int_equal(stage.leaving, 0);
        fdset_done(&more);
        stage_run_until_left(&stage, 1);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void assert_no_queues(Stage *stage, Endpoint *endpoint, unsigned count, FailureKind kind) {
        Failure failure = FAILURE_INIT;
        FdSet more = FDSET_INIT;

        assert_true(manager_open_queues(stage->manager, endpoint, &LIMITS_DEFAULT, count, &more,
                                    &failure) < 0);
        assert_int_equal(more.n, 0);
        if (failure.kind != kind)
                fail_msg("kind %d: %s", (int)failure.kind, failure.text);
}

static void further_queues_are_refused_where_there_can_be_none(void **state) {
        TapRequest single = stage_request(), multi = request_with_queues(16);
        FdSet queues[5];
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &single, &queues[0]);
        assert_no_queues(&stage, endpoint, 1, FAILURE_NOT_MULTIQUEUE);
        for (size_t i = 1; i < 4; i++)
                endpoint = stage_create(&stage, &multi, &queues[i]);
        assert_no_queues(&stage, endpoint, 16, FAILURE_QUOTA_EXCEEDED);
        assert_int_equal(manager_open_queues(stage.manager, endpoint, &LIMITS_DEFAULT, 15,
                                         &queues[4], NULL),
                        0);
        assert_no_queues(&stage, endpoint, 1, FAILURE_QUOTA_EXCEEDED);
        for (size_t i = 0; i < 5; i++)
                fdset_done(&queues[i]);
        stage_leave(&stage);
}

static void past_the_devices_queues_is_the_queue_limit(void **state) {
        TapRequest request = request_with_queues(1);
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        stage.manager->capabilities.max_queues = 4;
        endpoint = stage_create(&stage, &request, &queues);
        assert_no_queues(&stage, endpoint, 4, FAILURE_QUEUE_LIMIT);
        fdset_done(&queues);
        stage_leave(&stage);
}

typedef struct Newcomers {
        unsigned n;
        char name[IFNAMSIZ];
} Newcomers;

static void count_newcomers(const LinkInfo *link, LinkEvent event, void *userdata) {
        Newcomers *newcomers = userdata;

        if (event != LINK_IS)
                return;
        newcomers->n++;
        strcpy(newcomers->name, link->name);
}

/* TUNSETIFF creates a device of any name that does not exist, and of an empty one: a tap that is
 * just gone must not be re-created, not even for a moment. */
static void further_queues_of_a_tap_just_gone_make_no_link(void **state) {
        TapRequest request = request_with_queues(1);
        Newcomers newcomers = { 0 };
        FdSet queues = FDSET_INIT, more = FDSET_INIT;
        LinkEvents *events;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        fdset_done(&queues); /* gone in the kernel; the loop has not seen it */
        assert_int_equal(link_events_open(&events), 0);
        assert_true(manager_open_queues(stage.manager, endpoint, &LIMITS_DEFAULT, 2, &more, NULL) <
                        0);
        assert_int_equal(more.n, 0);
        while (link_events_read(events, count_newcomers, &newcomers) > 0)
                ;
        link_events_close(events);
        if (newcomers.n > 0)
                fail_msg("%u times a new link, \"%s\"", newcomers.n, newcomers.name);
        stage_run(&stage, 100);
        assert_int_equal(world_count_links(), 2);
        stage_leave(&stage);
}

typedef struct Listing {
        unsigned n;
        BridgePorts ports;
        bool seen_br0;
} Listing;

static int list_one(const ListedBridge *listed, void *userdata) {
        Listing *listing = userdata;

        assert_string_equal(listed->bridge.kind, "bridge");
        listing->n++;
        if (strcmp(listed->bridge.name, "br0") == 0) {
                listing->seen_br0 = true;
                listing->ports = listed->ports;
        }
        return 0;
}

static int refuse_one(const ListedBridge *listed, void *userdata) {
        Listing *listing = userdata;

        listing->n++;
        return -ECANCELED;
}

static void bridges_are_listed_with_their_ports(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Listing listing = { 0 };
        Stage stage;

        world_run("ip link add wire type veth peer name other && ip link set wire master br0 && "
                  "ip tuntap add dev tap0 mode tap && ip link set tap0 master br0 && "
                  "ip link add br1 type bridge && ip link add br2 type bridge");
        stage_enter(&stage);
        stage_create(&stage, &request, &queues);
        assert_int_equal(manager_list_bridges(stage.manager, list_one, &listing, NULL), 0);
        assert_int_equal(listing.n, 3);
        assert_true(listing.seen_br0);
        assert_int_equal(listing.ports.all, 3);
        assert_int_equal(listing.ports.foreign, 2);
        listing.n = 0;
        assert_int_equal(manager_list_bridges(stage.manager, refuse_one, &listing, NULL),
                        -ECANCELED);
        assert_int_equal(listing.n, 1);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void two_hundred_lives_leave_nothing(void **state) {
        TapRequest request = request_with_mac("52:54:00:12:34:56");
        unsigned links = world_count_links(), fds;
        Stage stage;

        stage_enter(&stage);
        fds = stage_count_fds(&stage);
        for (unsigned i = 1; i <= 200; i++) {
                FdSet queues = FDSET_INIT;

                stage_create(&stage, &request, &queues);
                manager_close_queues(stage.manager, 1000, 1, &queues);
                stage_run_until_left(&stage, i);
        }
        stage_await(&stage, world_count_fds() == fds);
        assert_int_equal(stage.appeared, 200);
        assert_int_equal(stage.leaving, 200);
        assert_int_equal(world_count_links(), links);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void freed_it_leaves_no_fd_and_takes_no_tap_away(void **state) {
        TapRequest request = stage_request();
        unsigned fds = world_count_fds();
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        stage_create(&stage, &request, &queues);
        stage_leave(&stage);
        assert_int_equal(world_count_fds(), fds + 1);
        assert_int_equal(world_count_links(), 3);
        fdset_done(&queues);
        assert_null(manager_free(NULL));
}

#define CASE(name) cmocka_unit_test_setup(name, enter_world_with_bridge)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(the_facts_are_those_of_the_host_and_no_scratch_is_left),
                CASE(without_the_tun_device_it_starts_and_offers_nothing),
                CASE(what_is_created_is_there_and_is_found),
                CASE(its_own_birth_is_no_news),
                CASE(closing_the_last_fd_ends_it_once),
                CASE(our_copies_are_closed_off_the_loop_and_the_tap_lives_on),
                CASE(changes_from_outside_are_followed_and_told),
                CASE(flags_of_the_port_changed_through_the_bridge_are_restored),
                CASE(flags_that_protect_more_are_followed),
                CASE(renamed_it_is_found_by_its_new_name_and_its_old_nonce),
                CASE(an_interface_of_somebody_else_is_not_found),
                CASE(released_it_is_deleted_and_who_waits_is_told),
                CASE(without_its_tag_it_is_not_ours_any_more),
                CASE(with_the_tag_of_another_user_it_is_his),
                CASE(with_another_label_in_its_tag_it_is_found_by_that),
                CASE(with_another_user_in_its_tag_it_is_theirs),
                CASE(what_is_not_its_own_any_more_is_not_tried_again_to_be_deleted),
                CASE(released_when_it_is_gone_already_the_wait_ends_too),
                CASE(who_waits_at_the_end_of_the_service_is_told),
                CASE(a_look_refuses_what_cannot_succeed),
                CASE(a_look_refuses_a_mac_whose_other_half_is_taken),
                CASE(a_label_is_taken_while_its_endpoint_lives),
                CASE(past_the_limits_a_look_says_quota),
                CASE(a_look_that_succeeds_leaves_no_failure),
                CASE(a_creation_that_succeeds_leaves_no_failure),
                CASE(the_mac_of_one_under_deletion_is_waited_for),
                CASE(the_mac_of_a_creation_that_failed_is_waited_for),
                CASE(an_entry_that_is_lost_before_the_tap_is_announced_is_set_again),
                CASE(a_tap_whose_network_goes_while_it_is_made_is_taken_back),
                CASE(a_creation_that_fails_shows_nothing_and_leaves_nothing),
                CASE(a_new_device_that_somebody_has_joined_is_deleted_and_another_one_made),
                CASE(a_persistent_tap_that_came_to_nothing_is_deleted),
                CASE(an_mtu_other_than_the_bridges_is_refused_by_the_look),
                CASE(what_dies_is_never_adopted),
                CASE(what_was_seen_to_be_gone_does_not_come_back),
                CASE(a_bridge_deleted_after_the_look_is_stale),
                CASE(a_name_that_is_taken_is_given_up_for_another),
                CASE(a_generated_mac_that_is_taken_is_given_up_for_another),
                CASE(a_generated_mac_that_is_heard_elsewhere_is_given_up_for_another),
                CASE(further_queues_are_of_the_same_tap_and_are_charged),
                CASE(further_queues_are_refused_where_there_can_be_none),
                CASE(past_the_devices_queues_is_the_queue_limit),
                CASE(further_queues_of_a_tap_just_gone_make_no_link),
                CASE(bridges_are_listed_with_their_ports),
                CASE(two_hundred_lives_leave_nothing),
                CASE(freed_it_leaves_no_fd_and_takes_no_tap_away),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("manager", tests, NULL, NULL);
}
