/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel is the database: a manager that starts, or has lost events, adopts vnicd's links, and
 * nothing else. Decoys are links that look like vnicd's and are not.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ifname.h"
#include "stage.h"
#include "taps/tracker.h"
#include "testing.h"
#include "world.h"

#define TAG_OF(nonce)                                                                              \
        "vnicd:1 uid=1000 life=persistent queues=1 nonce=" nonce                                   \
        " hdr=0 mac=52:54:00:00:00:01 at=1795353600"

static int enter_world_with_bridge(void **state) {
        if (world_enter(state) < 0)
                return -1;
        world_run("ip link add br0 type bridge && ip link set br0 up");
        return 0;
}

static void after_a_restart_it_is_the_same_endpoint(void **state) {
        TapRequest request = { .bridge = "br0",
                .vnet_hdr = true,
                .multiqueue = true,
                .has_queues = true,
                .queues = 3,
                .has_vnet_hdr_size = true,
                .vnet_hdr_size = 12,
                .label = "web" };
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        LinkInfo link;
        uint32_t offloads;
        Stage stage;
        Tag tag;

        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        tag = endpoint->tag;
        link = endpoint->now;
        offloads = endpoint->offloads;
        stage_restart(&stage);
        endpoint = manager_find(stage.manager, tag.nonce);
        assert_non_null(endpoint);
        assert_memory_equal(&endpoint->tag, &tag, sizeof(tag));
        assert_int_equal(endpoint->now.ifindex, link.ifindex);
        assert_int_equal(endpoint->now.master, link.master);
        assert_int_equal(endpoint->now.mtu, link.mtu);
        assert_int_equal(endpoint->now.tun.queues, 3);
        assert_int_equal(endpoint->offloads, offloads);
        assert_null(endpoint->creator); /* the creating connection is not known any more */
        assert_ptr_equal(manager_find_label(stage.manager, 1000, "web"), endpoint);
        assert_int_equal(stage.appeared, 1); /* announced once, at its setup */
        assert_int_equal(stage.leaving, 0);
        fdset_done(&queues);
        stage_run_until_left(&stage, 1);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void what_was_adopted_is_charged_and_can_be_released(void **state) {
        TapRequest request = stage_request();
        Waiter waiter = WAITER_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        stage_create(&stage, &request, &queues);
        stage_restart(&stage);
        assert_false(stage_owes_nothing(&stage, 1000));
        assert_int_equal(quota_check(stage.manager->quota, 1000, &LIMITS_DEFAULT, 31, 63, NULL), 0);
        endpoint = manager_next(stage.manager, NULL);
        assert_int_equal(manager_release(stage.manager, endpoint, &waiter.watch), 0);
        stage_run_until_left(&stage, 1);
        assert_int_equal(waiter.told, 1);
        assert_true(stage_owes_nothing(&stage, 1000));
        fdset_done(&queues);
        stage_leave(&stage);
}

static void thirty_are_adopted_ten_times_and_none_is_lost(void **state) {
        enum {
                N = 30
        };
        TapRequest request = stage_request();
        FdSet queues[N];
        uint32_t nonces[N];
        Stage stage;

        stage_enter(&stage);
        for (size_t i = 0; i < N; i++)
                nonces[i] = stage_create(&stage, &request, &queues[i])->tag.nonce;
        for (int restart = 0; restart < 10; restart++) {
                stage_restart(&stage);
                stage_run(&stage, 10);
                assert_int_equal(stage_count_endpoints(&stage), N);
                for (size_t i = 0; i < N; i++)
                        assert_non_null(manager_find(stage.manager, nonces[i]));
        }
        assert_int_equal(stage.leaving, 0);
        for (size_t i = 0; i < N; i++)
                fdset_done(&queues[i]);
        stage_run_until_left(&stage, N);
        stage_leave(&stage);
}

static void what_ended_while_nobody_looked_is_not_adopted(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        stage_create(&stage, &request, &queues);
        stage.manager = manager_free(stage.manager);
        fdset_done(&queues);
        stage_restart(&stage);
        assert_int_equal(stage_count_endpoints(&stage), 0);
        stage_leave(&stage);
}

static void renamed_while_nobody_looked_it_keeps_its_nonce(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        uint32_t nonce;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        nonce = endpoint->tag.nonce;
        world_run("ip link set %s down", endpoint->now.name);
        world_run("ip link set %s name other && ip link set other up", endpoint->now.name);
        stage_restart(&stage);
        endpoint = manager_find(stage.manager, nonce);
        assert_non_null(endpoint);
        assert_string_equal(endpoint->now.name, "other");
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Foreign links, each for another reason. */
static void make_decoys(void) {
        world_run("ip tuntap add dev vnic00000001 mode tap");
        world_run("ip link add vnic00000002 type veth peer name vnic00000003 && "
                  "ip link set vnic00000002 alias '" TAG_OF("00000002") "'");
        world_run("ip tuntap add dev vnic00000004 mode tap && "
                  "ip link set vnic00000004 alias '" TAG_OF("00000004") " '");
        world_run("ip tuntap add dev vnic00000005 mode tap && "
                  "ip link set vnic00000005 alias 'vnicd:2 uid=1000'");
        world_run("ip tuntap add dev vnic00000006 mode tun && "
                  "ip link set vnic00000006 alias '" TAG_OF("00000006") "'");
        world_run("ip link add vnic00000007 type bridge && "
                  "ip link set vnic00000007 alias '" TAG_OF("00000007") "'");
        world_run("ip link set lo alias '" TAG_OF("00000008") "'");
}

static const char *describe_all(void) {
        return world_read("ip -d -o link show | grep -v br0 | sed 's/qlen.*//'");
}

static void decoys_at_the_start_are_left_alone(void **state) {
        char before[16384];
        Stage stage;

        make_decoys();
        strcpy(before, describe_all());
        stage_enter(&stage);
        stage_run(&stage, 100);
        assert_int_equal(stage_count_endpoints(&stage), 0);
        assert_null(manager_find_interface(stage.manager, "vnic00000001"));
        stage_leave(&stage);
        assert_string_equal(describe_all(), before);
}

static void decoys_that_come_later_are_left_alone(void **state) {
        char before[16384];
        Stage stage;

        stage_enter(&stage);
        stage_run(&stage, 50);
        make_decoys();
        strcpy(before, describe_all());
        stage_run(&stage, 100);
        assert_int_equal(stage_count_endpoints(&stage), 0);
        assert_int_equal(stage.appeared, 0);
        stage_leave(&stage);
        assert_string_equal(describe_all(), before);
}

static void the_second_link_with_a_tag_is_left_alone(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        char tag[TAG_SIZE];
        int ifindex;
        uint32_t nonce;
        Stage stage;

        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        nonce = endpoint->tag.nonce;
        ifindex = endpoint->now.ifindex;
        tag_format(&endpoint->tag, tag);
        world_run("ip tuntap add dev decoy mode tap && ip link set decoy alias '%s'", tag);
        stage_run(&stage, 50);
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_int_equal(manager_find(stage.manager, nonce)->now.ifindex, ifindex);
        stage_restart(&stage);
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_int_equal(manager_find(stage.manager, nonce)->now.ifindex, ifindex);
        world_run("ip link del decoy");
        stage_run(&stage, 50);
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_int_equal(stage.leaving, 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Only CAP_NET_ADMIN permits writing one, so what it says then is the administrator's decision. */
static void a_tap_that_is_given_a_valid_tag_is_adopted(void **state) {
        Stage stage;

        stage_enter(&stage);
        world_run("ip tuntap add dev vnic00000009 mode tap && "
                  "ip link set vnic00000009 alias '" TAG_OF(
                                  "00000009") "' && "
                                              "ip link set vnic00000009 up");
        stage_run(&stage, 50);
        assert_int_equal(stage.appeared, 1);
        assert_non_null(manager_find(stage.manager, 9));
        world_run("ip link del vnic00000009");
        stage_run_until_left(&stage, 1);
        stage_leave(&stage);
}

static void shrink_events(void) {
        const int small = 4096;

        assert_int_equal(setsockopt(stage_events_fd(), SOL_SOCKET, SO_RCVBUFFORCE, &small,
                                         sizeof(small)),
                        0);
}

static void after_a_loss_what_is_gone_leaves(void **state) {
        TapRequest request = stage_request();
        FdSet gone = FDSET_INIT, kept = FDSET_INIT;
        uint32_t nonce;
        Stage stage;

        world_needs_the_hosts_root();
        stage_enter(&stage);
        stage_create(&stage, &request, &gone);
        nonce = stage_create(&stage, &request, &kept)->tag.nonce;
        stage_run(&stage, 50);
        shrink_events();
        world_make_noise(100);
        fdset_done(&gone); /* its RTM_DELLINK does not fit any more */
        stage_run(&stage, 50);
        assert_int_equal(stage.leaving, 1);
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_non_null(manager_find(stage.manager, nonce));
        fdset_done(&kept);
        stage_run_until_left(&stage, 2);
        assert_true(stage_owes_nothing(&stage, 1000));
        stage_leave(&stage);
}

static void after_a_loss_changes_are_made_up_for(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        world_needs_the_hosts_root();
        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        stage_run(&stage, 50);
        stage.changes = 0;
        shrink_events();
        world_make_noise(100);
        world_run("ip link set %s nomaster", endpoint->now.name);
        stage_run(&stage, 50);
        assert_true(stage.changes & ENDPOINT_CHANGED_BRIDGE);
        assert_int_equal(endpoint->now.master, 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void after_a_loss_a_stolen_mac_goes_back(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;
        Mac mac;

        world_needs_the_hosts_root();
        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        stage_run(&stage, 50);
        shrink_events();
        world_make_noise(100);
        world_run("ip link set %s address 02:00:00:00:00:07", endpoint->now.name);
        stage_run(&stage, 50);
        mac = world_mac(endpoint->now.name);
        assert_true(mac_equal(&mac, &endpoint->now.mac));
        assert_int_equal(mac.ether_addr_octet[0], 0xfe);
        assert_int_equal(stage.tampered, 1);
        assert_int_equal(stage.deleted, 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* No other change would report it. */
static void after_a_loss_an_entry_that_was_deleted_comes_back(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        assert_int_equal(tap_request_set_guest_mac(&request, "52:54:00:12:34:56", NULL), 0);
        request.anti_spoof = true;
        stage_enter(&stage);
        endpoint = stage_create(&stage, &request, &queues);
        stage_run(&stage, 50);
        shrink_events();
        world_make_noise(100);
        world_run("bridge fdb del 52:54:00:12:34:56 dev %s master", endpoint->now.name);
        stage_run(&stage, 50);
        assert_string_not_equal(
                        world_read("bridge fdb show dev %s | grep ^52:54:00:12:34:56 | grep sticky",
                                        endpoint->now.name),
                        "");
        fdset_done(&queues);
        stage_leave(&stage);
}

static void after_a_loss_one_that_came_meanwhile_appears(void **state) {
        Stage stage;

        world_needs_the_hosts_root();
        stage_enter(&stage);
        stage_run(&stage, 50);
        shrink_events();
        world_make_noise(100);
        world_run("ip tuntap add dev vnic00000009 mode tap && "
                  "ip link set vnic00000009 alias '" TAG_OF("00000009") "'");
        stage_run(&stage, 50);
        assert_int_equal(stage.appeared, 1);
        assert_non_null(manager_find(stage.manager, 9));
        stage_leave(&stage);
}

/* A creation in the middle of a storm, whose own events are lost. */
static void a_creation_while_events_are_lost_is_whole(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        world_needs_the_hosts_root();
        stage_enter(&stage);
        stage_run(&stage, 50);
        shrink_events();
        world_make_noise(100);
        endpoint = stage_create(&stage, &request, &queues);
        assert_int_equal(endpoint->now.master, world_ifindex("br0"));
        stage_run(&stage, 50);
        assert_int_equal(stage.appeared, 1);
        assert_int_equal(stage.leaving, 0);
        assert_int_equal(stage_count_endpoints(&stage), 1);
        assert_int_equal(endpoint->now.master, world_ifindex("br0"));
        fdset_done(&queues);
        stage_run_until_left(&stage, 1);
        stage_leave(&stage);
}

/* What is asked of the model never stands in the way of a comparison at any moment. */
static void comparing_again_and_again_changes_nothing(void **state) {
        TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        stage_create(&stage, &request, &queues);
        stage_run(&stage, 50);
        stage.changed = 0;
        for (int i = 0; i < 100; i++)
                assert_int_equal(manager_link_follower.resync(stage.manager), 0);
        assert_int_equal(stage.appeared, 1);
        assert_int_equal(stage.changed, 0);
        assert_int_equal(stage.leaving, 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

#define CASE(name) cmocka_unit_test_setup(name, enter_world_with_bridge)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(after_a_restart_it_is_the_same_endpoint),
                CASE(what_was_adopted_is_charged_and_can_be_released),
                CASE(thirty_are_adopted_ten_times_and_none_is_lost),
                CASE(what_ended_while_nobody_looked_is_not_adopted),
                CASE(renamed_while_nobody_looked_it_keeps_its_nonce),
                CASE(decoys_at_the_start_are_left_alone),
                CASE(decoys_that_come_later_are_left_alone),
                CASE(the_second_link_with_a_tag_is_left_alone),
                CASE(a_tap_that_is_given_a_valid_tag_is_adopted),
                CASE(after_a_loss_what_is_gone_leaves),
                CASE(after_a_loss_changes_are_made_up_for),
                CASE(after_a_loss_a_stolen_mac_goes_back),
                CASE(after_a_loss_an_entry_that_was_deleted_comes_back),
                CASE(after_a_loss_one_that_came_meanwhile_appears),
                CASE(a_creation_while_events_are_lost_is_whole),
                CASE(comparing_again_and_again_changes_nothing),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("adoption", tests, NULL, NULL);
}
