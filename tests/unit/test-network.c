/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks from their first use to their end, verified with iproute2, nft and /proc/sys. The
 * service acts on the kernel by messages, so "killed at every step" means: killed at every message.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "networks/firewall-watch.h"
#include "stage.h"
#include "taps/bridge-ports.h"
#include "taps/tap-creation.h"
#include "testing.h"
#include "world.h"

/* Messages until the process is killed; 0: it is not. The libraries' messages count, too. */
static atomic_int messages_left;

static bool only_asks_for_filters(uint16_t type) {
        if (type >> 8 != NFNL_SUBSYS_NFTABLES)
                return false;
        switch (type & 0xff) {
        case NFT_MSG_GETTABLE:
        case NFT_MSG_GETCHAIN:
        case NFT_MSG_GETRULE:
        case NFT_MSG_GETSET:
        case NFT_MSG_GETSETELEM:
        case NFT_MSG_GETGEN:
        case NFT_MSG_GETOBJ:
        case NFT_MSG_GETFLOWTABLE:
                return true;
        default:
                return false;
        }
}

/* Queries leave nothing half made: to be killed at one is the same as to be killed at the change
 * that follows. And there are many of them. NETLINK_ROUTE has four messages of each kind, the
 * third of which is the query. */
static bool only_asks(int fd, const void *data, size_t size) {
        const struct nlmsghdr *header = data;
        socklen_t n = sizeof(int);
        int protocol;

        if (size < sizeof(*header) || getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0)
                return false;
        switch (protocol) {
        case NETLINK_ROUTE:
                return header->nlmsg_type >= RTM_BASE && (header->nlmsg_type & 3) == 2;
        case NETLINK_NETFILTER:
                return only_asks_for_filters(header->nlmsg_type);
        case NETLINK_GENERIC:
                return header->nlmsg_type == GENL_ID_CTRL;
        default:
                return false;
        }
}

static void count_message(int fd, const void *data, size_t size) {
        if (only_asks(fd, data, size))
                return;
        if (atomic_load(&messages_left) > 0 && atomic_fetch_sub(&messages_left, 1) == 1)
                kill(getpid(), SIGKILL);
}

/* A bridge that another program creates right before the service creates its own of that name. */
static bool others_are_faster;

static void be_faster(const void *data, size_t size) {
        const struct nlmsghdr *header = data;

        if (!others_are_faster || size < sizeof(*header) || header->nlmsg_type != RTM_NEWLINK ||
                        !(header->nlmsg_flags & NLM_F_EXCL))
                return;
        others_are_faster = false;
        world_run("ip link add net0 type bridge");
}

/* Checks after each message that changes something. */
static bool looking, was_open; /* net0 was up, and its filters did not stand */
static unsigned looks_at_filters;

static void look_whether_it_is_open(void) {
        if (!looking || !world_link_says("net0", ",UP"))
                return;
        looks_at_filters++;
        if (strcmp(world_read("nft list tables | grep -c 'vnicd-net0$'"), "2") != 0)
                was_open = true;
}

__attribute__((visibility("default"))) ssize_t sendmsg(
                int fd, const struct msghdr *message, int flags) {
        const struct iovec *data = message->msg_iov;
        ssize_t n;

        count_message(fd, data->iov_base, data->iov_len);
        be_faster(data->iov_base, data->iov_len);
        n = syscall(SYS_sendmsg, fd, message, flags);
        if (!only_asks(fd, data->iov_base, data->iov_len))
                look_whether_it_is_open();
        return n;
}

__attribute__((visibility("default"))) ssize_t sendto(int fd, const void *data, size_t size,
                int flags, const struct sockaddr *address, socklen_t n) {
        count_message(fd, data, size);
        return syscall(SYS_sendto, fd, data, size, flags, address, n);
}

static NetworkPlan plan_of(const char *name, NetworkKind kind) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, name);
        plan.kind = kind;
        assert_ok(network_plan_complete(&plan, NULL));
        return plan;
}

static Network *create(Stage *stage, const NetworkPlan *plan, bool kept) {
        Failure failure = FAILURE_INIT;
        Network *network;

        if (networks_create(manager_networks(stage->manager), plan, kept, &network, &failure) < 0)
                fail_msg("%s", failure.text);
        return network;
}

static void delete_network(Stage *stage, Network *network) {
        Waiter waiter = WAITER_INIT;

        list_init(&waiter.watch.link);
        networks_delete(manager_networks(stage->manager), network, &waiter.watch);
        stage_await(stage, waiter.told > 0);
        assert_int_equal(waiter.told, 1);
        assert_int_equal(waiter.error, 0);
}

static TapRequest request_on(const char *bridge) {
        TapRequest request = TAP_REQUEST_INIT;

        assert_int_equal(tap_request_set_bridge(&request, bridge, NULL), 0);
        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        return request;
}

static int try_tap(Stage *stage, const TapRequest *request, const NetworkPlan *defined, uid_t uid,
                FdSet *ret_queues, Endpoint **ret, Failure *failure) {
        Client client = *CLIENT(uid, ":1.5");
        List *wait_for = NULL;
        Placement place;
        int r;

        client.defined = defined;
        r = placement_check(stage->manager, request, &client, &place, &wait_for, failure);
        if (r != PLACEMENT_OK)
                return r;
        return manager_create_tap(
                        stage->manager, request, &client, &place, ret_queues, ret, failure);
}

static Endpoint *create_tap(
                Stage *stage, const TapRequest *request, const NetworkPlan *plan, FdSet *queues) {
        Failure failure = FAILURE_INIT;
        Endpoint *endpoint;

        if (try_tap(stage, request, plan, 1000, queues, &endpoint, &failure) < 0)
                fail_msg("%s", failure.text);
        return endpoint;
}

/* Filters that another program has deleted, of which no event has been read yet. */
static void nothing_new_gets_onto_a_network_whose_filters_are_missing(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        Waiter waiter = WAITER_INIT;
        List *blocked_on = NULL;
        Network *network;
        Stage stage;
        Placement place;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        world_run("nft flush ruleset");
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, ":1.5"), &place,
                                         &blocked_on, &failure),
                        PLACEMENT_BLOCKED);
        assert_non_null(blocked_on);
        /* Those of all taps are restored at once, and so are those of the uplinks. */
        assert_string_equal(world_read("nft list tables | grep -c vnicd-taps-"), "3");

        list_init(&waiter.watch.link);
        waiter.watch.removed = waiter_gone;
        list_append(blocked_on, &waiter.watch.link);
        stage_await(&stage, waiter.told > 0);
        assert_int_equal(waiter.told, 1);
        assert_int_equal(waiter.error, 0);
        assert_string_equal(world_read("nft list tables | grep -c vnicd-"), "6");
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, ":1.5"), &place,
                                         &blocked_on, &failure),
                        PLACEMENT_OK);
        assert_int_equal(network->filters.limit.oldest, 1);
        assert_null(network->warnings[NETWORK_WARNING_FILTERS]);
        delete_network(&stage, network);
        stage_leave(&stage);
}

/* Its filters are being restored when it is deleted: they are removed again. */
static void a_network_that_goes_while_its_filters_are_restored_leaves_none(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        List *blocked_on = NULL;
        Network *network;
        Stage stage;
        Placement place;

        stage_enter(&stage);
        for (int round = 0; round < 3; round++) {
                network = create(&stage, &plan, true);
                world_run("nft delete table inet vnicd-net0");
                assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, ":1.5"),
                                                 &place, &blocked_on, &failure),
                                PLACEMENT_BLOCKED);
                delete_network(&stage, network);
                for (int i = 0; i < 25; i++)
                        assert_ok(sd_event_run(stage.event, 20 * 1000));
                assert_string_equal(world_read("nft list tables | grep vnicd-net0"), "");
        }
        stage_leave(&stage);
}

static void assert_nothing_is_left(unsigned links) {
        assert_int_equal(world_count_links(), links);
        assert_string_equal(world_read("nft list tables | grep vnicd | grep -v vnicd-taps-"), "");
        assert_string_equal(world_read("ip route show table all | grep -v 'dev lo'"), "");
}

static void a_network_has_all_that_makes_it(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        assert_int_equal(stage.networks_appeared, 1);
        assert_int_equal(network->ifindex, world_ifindex("net0"));
        assert_true(world_link_says("net0", "group 1986947427"));
        assert_true(world_link_says("net0", "addrgenmode none"));
        assert_true(world_link_says("net0", "stp_state 0"));
        assert_true(world_link_says("net0", "alias vnicd-net:1 kind=nat kept"));
        assert_true(world_link_says("net0", ",UP"));
        assert_int_equal(network->tag.plan.v4_prefix, 24);
        assert_non_null(strstr(world_read("ip address show dev net0"), "inet6 fe80::1/64"));
        assert_non_null(strstr(world_read("ip address show dev net0"), "inet6 fd"));
        assert_string_equal(world_read("ip -4 -br address show dev net0 | grep -c '\\.1/24'"), "1");
        assert_string_equal(world_read("cat /proc/sys/net/ipv4/conf/net0/forwarding"), "1");
        assert_string_equal(world_read("cat /proc/sys/net/ipv4/ip_forward"), "0");
        assert_non_null(strstr(world_read("nft list tables"), "table bridge vnicd-net0"));
        assert_non_null(strstr(world_read("nft list tables"), "table inet vnicd-net0"));
        delete_network(&stage, network);
        assert_int_equal(stage.networks_leaving, 1);
        assert_nothing_is_left(1);
        stage_leave(&stage);
}

static void it_is_never_up_without_its_filters(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Network *network;
        Stage stage;

        stage_enter(&stage);
        looks_at_filters = 0;
        was_open = false;
        looking = true;
        network = create(&stage, &plan, true);
        looking = false;
        assert_true(looks_at_filters > 0);
        assert_false(was_open);
        delete_network(&stage, network);
        stage_leave(&stage);
}

static void it_comes_up_again_with_the_same_addresses(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        NetworkPlan first;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        first = network->tag.plan;
        delete_network(&stage, network);
        network = create(&stage, &plan, true);
        assert_memory_equal(&network->tag.plan, &first, sizeof(first));
        delete_network(&stage, network);
        stage_leave(&stage);
}

/* Every address that it would have chosen is taken. */
static void it_clashes_with_no_route(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        char first[NETWORK_ADDRESS_SIZE], second[NETWORK_ADDRESS_SIZE];
        Failure failure = FAILURE_INIT;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        network_plan_v4(&network->tag.plan, first);
        delete_network(&stage, network);
        world_run("ip link add br0 type bridge; ip link set br0 up; ip address add %s dev br0",
                        first);
        network = create(&stage, &plan, true);
        assert_string_not_equal(network_plan_v4(&network->tag.plan, second), first);
        delete_network(&stage, network);
        world_run("ip route add blackhole 10.0.0.0/8");
        network = create(&stage, &plan, true);
        assert_memory_equal(network_plan_v4(&network->tag.plan, second), "192.168.", 8);
        delete_network(&stage, network);
        world_run("for address in 10.64.0.9/10 192.168.0.9/16 172.16.0.9/12; do "
                  "ip address add $address dev br0; done");
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         &failure),
                        -EADDRINUSE);
        assert_int_equal(failure.kind, FAILURE_ADDRESS_IN_USE);
        assert_false(world_has_link("net0"));
        stage_leave(&stage);
}

static void an_address_that_the_host_has_is_refused(void **state) {
        NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Failure failure = FAILURE_INIT;
        Network *network;
        Stage stage;

        world_run("ip link add br0 type bridge; ip link set br0 up; "
                  "ip address add 10.70.0.9/16 dev br0; ip address add fd70:3::9/64 dev br0");
        assert_ok(network_plan_add_address(&plan, "10.70.3.1/24"));
        stage_enter(&stage);
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         &failure),
                        -EADDRINUSE);
        plan.v4_prefix = 0;
        assert_ok(network_plan_add_address(&plan, "fd70:3::1/64"));
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         &failure),
                        -EADDRINUSE);
        assert_non_null(strstr(failure.text, "fd70:3::/64"));
        assert_false(world_has_link("net0"));
        stage_leave(&stage);
}

static void a_bridge_of_others_is_refused_and_stays_as_it_is(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Network *network;
        char before[512];
        Stage stage;

        world_run("ip link add net0 type bridge");
        snprintf(before, sizeof(before), "%s", world_read("ip link show dev net0"));
        stage_enter(&stage);
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         &failure),
                        -EEXIST);
        assert_int_equal(failure.kind, FAILURE_NAME_TAKEN);
        assert_int_equal(try_tap(&stage, &request, &plan, 1000, &queues, &endpoint, &failure),
                        -EEXIST);
        assert_int_equal(failure.kind, FAILURE_NAME_TAKEN);
        assert_string_equal(world_read("ip link show dev net0"), before);
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        stage_restart(&stage);
        assert_string_equal(world_read("ip link show dev net0"), before);
        stage_leave(&stage);
}

static void nor_is_one_taken_that_they_make_after_the_look_at_the_name(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Failure failure = FAILURE_INIT;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        others_are_faster = true;
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         &failure),
                        -EEXIST);
        assert_false(others_are_faster);
        assert_int_equal(failure.kind, FAILURE_NAME_TAKEN);
        assert_null(networks_find(manager_networks(stage.manager), "net0"));
        stage_run(&stage, 20);
        assert_true(world_has_link("net0"));
        assert_string_equal(
                        world_read("ip link show dev net0 | grep -E 'alias|group [^d]|,UP'"), "");
        assert_string_equal(world_read("ip address show dev net0 | grep inet"), "");
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        stage_leave(&stage);
}

static void a_tap_on_a_network_has_its_group_and_what_the_network_demands(void **state) {
        NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        TapRequest request = request_on("net0");
        FdSet first = FDSET_INIT, second = FDSET_INIT, third = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        plan.guests_isolated = true;
        plan.mtu = 1400;
        stage_enter(&stage);
        endpoint = create_tap(&stage, &request, &plan, &first);
        assert_int_equal(endpoint->now.master, world_ifindex("net0"));
        assert_int_equal(endpoint->now.group, 0x74000000 | world_ifindex("net0"));
        assert_int_equal(endpoint->now.mtu, 1400);
        assert_true(endpoint_has_anti_spoof(endpoint));
        assert_true(endpoint->now.port.isolated);
        assert_true(world_link_says(endpoint->now.name, "locked on"));
        request.has_anti_spoof = request.has_isolated = true;
        endpoint = create_tap(&stage, &request, &plan, &second);
        assert_false(endpoint_has_anti_spoof(endpoint));
        assert_false(endpoint->now.port.isolated);
        assert_int_equal(endpoint->now.group, 0x72000000 | world_ifindex("net0"));
        request.has_anti_spoof = request.has_isolated = false;
        request.has_guest_mac = true;
        request.guest_mac = (Mac){ { 0x52, 0x54, 0, 0, 0, 1 } };
        endpoint = create_tap(&stage, &request, &plan, &third);
        assert_int_equal(endpoint->now.group, 0x76000000 | world_ifindex("net0"));
        assert_int_equal(stage.networks_appeared, 1);
        fdset_done(&first);
        fdset_done(&second);
        fdset_done(&third);
        stage_leave(&stage);
}

static void its_limits_are_kept(void **state) {
        NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        FdSet queues[3] = { FDSET_INIT, FDSET_INIT, FDSET_INIT };
        Failure failure = FAILURE_INIT;
        Endpoint *endpoint;
        Stage stage;

        plan.ports_max = 2;
        plan.ports_per_user = 1;
        stage_enter(&stage);
        create_tap(&stage, &request, &plan, &queues[0]);
        assert_int_equal(try_tap(&stage, &request, &plan, 1000, &queues[1], &endpoint, &failure),
                        -EDQUOT);
        assert_int_equal(failure.kind, FAILURE_QUOTA_EXCEEDED);
        assert_int_equal(
                        try_tap(&stage, &request, &plan, 1001, &queues[1], &endpoint, &failure), 0);
        assert_int_equal(try_tap(&stage, &request, &plan, 1002, &queues[2], &endpoint, &failure),
                        -EXFULL);
        assert_int_equal(failure.kind, FAILURE_BRIDGE_FULL);
        fdset_done(&queues[0]);
        stage_run_until_left(&stage, 1);
        assert_int_equal(
                        try_tap(&stage, &request, &plan, 1000, &queues[0], &endpoint, &failure), 0);
        fdset_done(&queues[0]);
        fdset_done(&queues[1]);
        stage_leave(&stage);
}

static void with_it_go_its_endpoints(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        FdSet first = FDSET_INIT, second = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        create_tap(&stage, &request, &plan, &first);
        create_tap(&stage, &request, &plan, &second);
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        assert_int_equal(stage.leaving, 2);
        assert_int_equal(stage.end, ENDPOINT_END_NETWORK_DELETED);
        assert_nothing_is_left(1);
        assert_true(stage_owes_nothing(&stage, 1000));
        fdset_done(&first);
        fdset_done(&second);
        stage_leave(&stage);
}

static void a_bridge_that_somebody_deletes_takes_all_with_it(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        create_tap(&stage, &request, &plan, &queues);
        world_run("ip link delete net0");
        stage_await(&stage, !networks_find(manager_networks(stage.manager), "net0"));
        assert_int_equal(stage.leaving, 1);
        assert_int_equal(stage.end, ENDPOINT_END_NETWORK_DELETED);
        stage_await(&stage, world_count_links() == 1);
        assert_nothing_is_left(1);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void assert_goes(Stage *stage) {
        stage_await(stage, !networks_find(manager_networks(stage->manager), "net0"));
        stage_await(stage, world_count_links() == 1);
        assert_int_equal(stage->networks_leaving, 1);
        assert_nothing_is_left(1);
}

static void a_bridge_is_known_by_its_number_whatever_its_group(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        create_tap(&stage, &request, &plan, &queues);
        world_run("ip link set net0 group 7");
        stage_run(&stage, 20);
        assert_non_null(networks_find(manager_networks(stage.manager), "net0"));
        world_run("ip link delete net0");
        assert_goes(&stage);
        assert_int_equal(stage.end, ENDPOINT_END_NETWORK_DELETED);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Of another namespace, for example: numbers are unique only within one. */
static void another_link_that_had_its_number_is_not_its_bridge(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Network *network;
        Stage stage;
        int next;

        stage_enter(&stage);
        world_run("ip link add probe type bridge");
        next = world_ifindex("probe") + 1;
        world_run("ip link add other index %d type bridge; ip link delete other", next);
        network = create(&stage, &plan, true);
        assert_int_equal(network->ifindex, next);
        stage_run(&stage, 20);
        assert_ptr_equal(networks_find(manager_networks(stage.manager), "net0"), network);
        assert_false(network_is_ending(network));
        world_run("ip link delete probe");
        delete_network(&stage, network);
        stage_leave(&stage);
}

/* Nobody has reported its end, or nobody has read the report yet. */
static void a_deletion_of_what_is_gone_already_ends_well(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        char events[65536];
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        world_run("ip link delete net0");
        while (recv(stage_events_fd(), events, sizeof(events), MSG_DONTWAIT) > 0)
                ;
        delete_network(&stage, network);
        assert_goes(&stage);
        stage_leave(&stage);
}

static bool out_of_timers;

int __real_sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock,
                uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock,
                uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);

int __wrap_sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock,
                uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback,
                void *userdata) {
        return out_of_timers ? -ENOMEM
                             : __real_sd_event_add_time_relative(event, ret, clock, usec, accuracy,
                                               callback, userdata);
}

static void without_a_record_there_is_no_bridge(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Network *network = NULL;
        Stage stage;

        stage_enter(&stage);
        out_of_timers = true;
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         NULL),
                        -ENOMEM);
        out_of_timers = false;
        assert_null(networks_find(manager_networks(stage.manager), "net0"));
        assert_int_equal(stage.networks_appeared, 0);
        assert_false(world_has_link("net0"));
        assert_string_equal(world_read("nft list tables | grep vnicd-net0"), "");
        delete_network(&stage, create(&stage, &plan, true));
        stage_leave(&stage);
}

static void who_comes_while_it_goes_waits(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Stage stage;

        stage_enter(&stage);
        networks_delete(manager_networks(stage.manager), create(&stage, &plan, true), NULL);
        assert_int_equal(try_tap(&stage, &request, &plan, 1000, &queues, &endpoint, &failure),
                        PLACEMENT_BLOCKED);
        stage_await(&stage, !networks_find(manager_networks(stage.manager), "net0"));
        assert_int_equal(try_tap(&stage, &request, &plan, 1000, &queues, &endpoint, &failure), 0);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Between the check, by which polkit was consulted, and the act. */
static void refuse_what_has_become_shared(bool persistent) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint = NULL;
        List *blocked_on;
        Placement place;
        Stage stage;

        request.persistent = persistent;
        world_run("ip link add lan0 type veth peer name lan1");
        stage_enter(&stage);
        create(&stage, &plan, true);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &blocked_on, &failure),
                        PLACEMENT_OK);
        assert_false(place.shared);
        world_run("ip link set lan0 master net0");
        assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &queues, &endpoint, &failure),
                        -ESTALE);
        assert_int_equal(failure.kind, FAILURE_STALE);
        assert_int_equal(queues.n, 0);
        assert_int_equal(stage_count_endpoints(&stage), 0);
        stage_await(&stage, strcmp(world_read("ls /sys/class/net/net0/brif"), "lan0") == 0);
        assert_true(stage_owes_nothing(&stage, 1000));
        assert_int_equal(stage.appeared + stage.leaving, 0);

        /* A caller who was authorized for a network with a foreign port gets the tap. */
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &blocked_on, &failure),
                        PLACEMENT_OK);
        assert_true(place.shared);
        assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &queues, &endpoint, &failure),
                        0);
        fdset_done(&queues);
        stage_leave(&stage);
}

static void a_foreign_port_that_comes_after_the_look_is_not_overlooked(void **state) {
        refuse_what_has_become_shared(false);
}

/* It lives without a queue, so it has to be deleted. */
static void a_persistent_tap_is_refused_then_as_well(void **state) {
        world_needs_the_hosts_root();
        refuse_what_has_become_shared(true);
}

static void events_that_are_behind_do_not_hide_a_foreign_port(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint = NULL;
        List *blocked_on;
        Placement place;
        Stage stage;

        world_run("ip link add lan0 type veth peer name lan1");
        stage_enter(&stage);
        create(&stage, &plan, true);
        assert_int_equal(placement_check(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &blocked_on, &failure),
                        PLACEMENT_OK);
        world_make_noise(3000); /* more than is read at once for a tap */
        world_run("ip link set lan0 master net0");
        assert_int_equal(manager_create_tap(stage.manager, &request, CLIENT(1000, NULL), &place,
                                         &queues, &endpoint, &failure),
                        -ESTALE);
        stage_await(&stage, strcmp(world_read("ls /sys/class/net/net0/brif"), "lan0") == 0);
        stage_leave(&stage);
}

static void what_cannot_be_looked_at_has_a_foreign_port(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Netlink *of_another_kind, *netlink;
        BridgePorts ports = { 0 };
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        assert_int_equal(manager_look_at_ports(stage.manager, network->ifindex, &ports), 0);
        assert_int_equal(ports.all + ports.foreign, 0);
        assert_int_equal(netlink_open(&of_another_kind, NETLINK_GENERIC), 0);
        netlink = stage.manager->netlink;
        stage.manager->netlink = of_another_kind; /* rejects each query about links */
        assert_true(manager_look_at_ports(stage.manager, network->ifindex, &ports) < 0);
        stage.manager->netlink = netlink;
        netlink_close(of_another_kind);
        assert_true(ports.foreign > 0);
        stage_leave(&stage);
}

/* Before an event has reported it. */
static void a_tap_that_carries_the_tag_of_another_is_a_foreign_port(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT, others = FDSET_INIT;
        Endpoint *endpoint, *other;
        BridgePorts ports;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        endpoint = create_tap(&stage, &request, NULL, &queues);
        other = create_tap(&stage, &request, NULL, &others);
        assert_int_equal(manager_look_at_ports(stage.manager, network->ifindex, &ports), 0);
        assert_int_equal(ports.all, 2);
        assert_int_equal(ports.foreign, 0);
        world_run("ip link set %s alias \"$(cat /sys/class/net/%s/ifalias)\"", endpoint->now.name,
                        other->now.name);
        assert_int_equal(manager_look_at_ports(stage.manager, network->ifindex, &ports), 0);
        assert_int_equal(ports.all, 2);
        assert_int_equal(ports.foreign, 1);
        fdset_done(&queues);
        fdset_done(&others);
        stage_leave(&stage);
}

static void the_ports_that_are_shown_follow_the_kernel(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        create_tap(&stage, &request, NULL, &queues);
        for (int i = 0; i < 9; i++)
                world_run("ip link add lan%d type veth peer name far%d && ip link set lan%d master "
                          "net0",
                                i, i, i);
        stage_await(&stage, network_ports(network).all == 10);
        assert_int_equal(network_ports(network).foreign, 9);
        world_run("ip link set lan3 nomaster && ip link del lan4");
        stage_await(&stage, network_ports(network).foreign == 7);
        stage_restart(&stage);
        network = networks_find(manager_networks(stage.manager), "net0");
        assert_int_equal(network_ports(network).all, 8);
        assert_int_equal(network_ports(network).foreign, 7);
        fdset_done(&queues);
        stage_leave(&stage);
}

static atomic_int refused; /* that many deletions are still to be refused */
static atomic_int held;    /* the link whose deletion blocks */

int __real_link_delete(Netlink *netlink, int ifindex, Failure *failure);
int __wrap_link_delete(Netlink *netlink, int ifindex, Failure *failure);

int __wrap_link_delete(Netlink *netlink, int ifindex, Failure *failure) {
        while (atomic_load(&held) == ifindex)
                nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
        if (refused > 0) {
                refused--;
                return -EBUSY;
        }
        return __real_link_delete(netlink, ifindex, failure);
}

/* Each pause is over at once. Returns how many there were until it was gone, or given up. */
static unsigned pass_pauses(Stage *stage, Network *network) {
        const uint64_t end = stage_patience();
        unsigned n = 0;
        int enabled;

        while (clock_now_usec() < end) {
                stage_run(stage, 20);
                if (!networks_find(manager_networks(stage->manager), "net0"))
                        return n;
                if (network->state == NETWORK_DELETING) /* the kernel takes its time */
                        continue;
                assert_ok(sd_event_source_get_enabled(network->idle, &enabled));
                if (enabled == SD_EVENT_OFF)
                        return n;
                assert_ok(sd_event_source_set_time_relative(network->idle, 0));
                n++;
        }
        fail_msg("it is neither gone nor given up");
        return n;
}

static const NetworkState transitions[][2] = {
        { NETWORK_CREATING, NETWORK_LIVE },
        { NETWORK_CREATING, NETWORK_DRAINING },
        { NETWORK_CREATING, NETWORK_GONE },
        { NETWORK_LIVE, NETWORK_DRAINING },
        { NETWORK_LIVE, NETWORK_GONE },
        { NETWORK_DRAINING, NETWORK_LIVE },
        { NETWORK_DRAINING, NETWORK_DELETING },
        { NETWORK_DRAINING, NETWORK_GONE },
        { NETWORK_DELETING, NETWORK_DRAINING },
        { NETWORK_DELETING, NETWORK_GONE },
};

static bool is_legal(NetworkState from, NetworkState to) {
        for (size_t i = 0; i < sizeof(transitions) / sizeof(*transitions); i++)
                if (transitions[i][0] == from && transitions[i][1] == to)
                        return true;
        return false;
}

static void it_changes_its_state_in_the_legal_ways_only(void **state) {
        const NetworkTag tag = { .kept = true };
        Network *network;

        assert_int_equal(network_new(&network, &tag), 0);
        for (NetworkState from = 0; from < NETWORK_STATE_MAX; from++)
                for (NetworkState to = 0; to < NETWORK_STATE_MAX; to++) {
                        const bool legal = is_legal(from, to);

                        network->state = from;
                        network->was_live = false;
                        assert_int_equal(network_set_state(network, to), legal ? 0 : -EINVAL);
                        assert_int_equal(network->state, legal ? to : from);
                        assert_int_equal(network->was_live, legal && to == NETWORK_LIVE);
                }
        network_free(network);
}

static void while_it_ends_it_is_not_up(void **state) {
        const NetworkTag tag = { .kept = true };
        Network *network;

        assert_int_equal(network_new(&network, &tag), 0);
        assert_false(network_is_up(network)); /* without a bridge */
        network->ifindex = 7;
        for (NetworkState is = 0; is < NETWORK_STATE_MAX; is++) {
                network->state = is;
                assert_int_equal(network_is_up(network),
                                is == NETWORK_CREATING || is == NETWORK_LIVE);
                assert_int_equal(network_is_ending(network), !network_is_up(network));
        }
        network_free(network);
}

static void a_deletion_that_is_refused_is_tried_again_and_at_last_given_up(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const TapRequest request = request_on("net0");
        Failure failure = FAILURE_INIT;
        Waiter waiter = WAITER_INIT;
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        refused = 100;
        list_init(&waiter.watch.link);
        networks_delete(manager_networks(stage.manager), network, &waiter.watch);
        stage_await(&stage, waiter.told > 0);
        assert_int_equal(waiter.told, 1);
        assert_int_equal(waiter.error, -EBUSY);
        /* Callers who request a tap on it are told, and do not wait. */
        assert_int_equal(try_tap(&stage, &request, NULL, 1000, &queues, &endpoint, &failure),
                        -ENODEV);
        assert_int_equal(failure.kind, FAILURE_NO_SUCH_NETWORK);
        assert_in_range(pass_pauses(&stage, network), 1, 10);
        assert_in_range(refused, 85, 99);
        /* It stays as it is: shown, used, and deleted when that is possible. */
        assert_true(world_has_link("net0"));
        assert_int_equal(stage.networks_appeared, 2);
        assert_ptr_equal(networks_next(manager_networks(stage.manager), NULL), network);
        assert_int_equal(try_tap(&stage, &request, NULL, 1000, &queues, &endpoint, &failure), 0);
        fdset_done(&queues);
        refused = 0;
        networks_delete(manager_networks(stage.manager), network, NULL);
        stage_await(&stage, !networks_find(manager_networks(stage.manager), "net0"));
        assert_nothing_is_left(1);
        stage_leave(&stage);
}

static unsigned pause_of(const Network *network) {
        uint64_t usec, now;
        int enabled;

        assert_ok(sd_event_source_get_enabled(network->idle, &enabled));
        if (enabled == SD_EVENT_OFF)
                return 0;
        assert_ok(sd_event_source_get_time(network->idle, &usec));
        assert_ok(sd_event_now(sd_event_source_get_event(network->idle), CLOCK_MONOTONIC, &now));
        return (unsigned)((usec - now) / 1000000);
}

/* Refuses all deletions of it until the service gives up, and none after that. */
static void have_it_given_up(Stage *stage, Network *network) {
        refused = 7;
        for (int i = 0; i < 200 && (refused > 0 || network->state == NETWORK_DELETING); i++) {
                stage_run(stage, 20);
                if (network->state != NETWORK_DELETING && refused > 0)
                        assert_ok(sd_event_source_set_time_relative(network->idle, 0));
        }
        assert_int_equal(refused, 0);
}

/* Nobody else would request it again. */
static void assert_is_tried_again_much_later(Stage *stage, Network *network) {
        assert_in_range(pause_of(network), 60, 3600);
        assert_ok(sd_event_source_set_time_relative(network->idle, 0));
        for (int i = 0; i < 100 && networks_find(manager_networks(stage->manager), "net0"); i++)
                stage_run(stage, 20);
        assert_null(networks_find(manager_networks(stage->manager), "net0"));
        assert_nothing_is_left(1);
}

static void a_network_that_nobody_keeps_goes_later_if_its_deletion_was_given_up(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, false);
        networks_delete(manager_networks(stage.manager), network, NULL);
        have_it_given_up(&stage, network);
        assert_false(network_is_ending(network));
        assert_int_equal(stage.networks_appeared, 2);
        assert_is_tried_again_much_later(&stage, network);
        stage_leave(&stage);
}

static void so_does_one_that_was_never_complete(void **state) {
        NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Network *network;
        Stage stage;

        assert_ok(network_plan_add_address(&plan, "fd70:3::1/64"));
        stage_enter(&stage);
        world_run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        refused = 7;
        assert_true(networks_create(manager_networks(stage.manager), &plan, true, &network, NULL) <
                        0);
        network = networks_find(manager_networks(stage.manager), "net0");
        assert_non_null(network);
        have_it_given_up(&stage, network);
        assert_true(network_is_ending(network));
        assert_is_tried_again_much_later(&stage, network);
        assert_int_equal(stage.networks_appeared, 0);
        stage_leave(&stage);
}

/* The time for which an unused network stays is over. */
static void pass_idle_time(Stage *stage, Network *network) {
        assert_ok(sd_event_source_set_time_relative(network->idle, 0));
        assert_ok(sd_event_source_set_enabled(network->idle, SD_EVENT_ONESHOT));
        stage_run(stage, 30);
}

/* It came up for a tap whose creation then failed. */
static void one_that_nobody_has_ever_used_goes_later(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Network *network;
        uint64_t at;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        assert_int_equal(sd_event_source_get_enabled(network->idle, NULL), 0);
        delete_network(&stage, network);
        network = create(&stage, &plan, false);
        assert_true(sd_event_source_get_enabled(network->idle, NULL) > 0);
        assert_ok(sd_event_source_get_time(network->idle, &at));
        assert_true(at <= clock_now_usec() + 60 * USEC_PER_SEC);
        assert_ok(sd_event_source_set_time_relative(network->idle, 0));
        stage_await(&stage, !networks_find(manager_networks(stage.manager), "net0"));
        assert_nothing_is_left(1);
        stage_leave(&stage);
}

static void a_port_of_others_is_use(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Network *network;
        Stage stage;

        world_run("ip link add lan0 type veth peer name lan1");
        stage_enter(&stage);
        network = create(&stage, &plan, false);
        world_run("ip link set lan0 master net0");
        pass_idle_time(&stage, network);
        assert_ptr_equal(networks_find(manager_networks(stage.manager), "net0"), network);
        assert_false(network_is_ending(network));
        assert_string_equal(world_read("ls /sys/class/net/net0/brif"), "lan0");
        world_run("ip link set lan0 nomaster");
        pass_idle_time(&stage, network);
        stage_await(&stage, !networks_find(manager_networks(stage.manager), "net0"));
        assert_nothing_is_left(3);
        stage_leave(&stage);
}

static void a_deletion_that_is_refused_twice_succeeds_later(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create(&stage, &plan, true);
        refused = 2;
        networks_delete(manager_networks(stage.manager), network, NULL);
        assert_int_equal(pass_pauses(&stage, network), 2);
        assert_nothing_is_left(1);
        stage_leave(&stage);
}

static void a_restart_takes_everything_up(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT;
        NetworkTag before;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        create_tap(&stage, &request, &plan, &queues);
        before = networks_find(manager_networks(stage.manager), "net0")->tag;
        stage_restart(&stage);
        network = networks_find(manager_networks(stage.manager), "net0");
        assert_non_null(network);
        assert_memory_equal(&network->tag, &before, sizeof(before));
        assert_false(list_is_empty(&network->endpoints));
        stage_run(&stage, 100);
        assert_true(world_has_link("net0"));
        delete_network(&stage, network);
        assert_nothing_is_left(1);
        fdset_done(&queues);
        stage_leave(&stage);
}

static bool is_reserved(const Network *network, const Mac *mac) {
        LIST_FOREACH(&network->leases.reserved, node)
                if (mac_equal(&container_of(node, Departed, link)->mac, mac))
                        return true;
        return false;
}

/* The leases are read outside the loop. Of three guests that had one, one is back by then, one was
 * back, and one is gone. */
static void guests_that_come_while_old_leases_are_looked_for_are_not_taken_for_gone(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        TapRequest request = request_on("net0");
        FdSet stays = FDSET_INIT, goes = FDSET_INIT;
        Mac mac = { { 0x52, 0x54, 0, 0, 0, 1 } };
        Network *network;
        Stage stage;

        world_run("mount -t tmpfs none /run; mkdir -p /run/vnicd-network/net0; "
                  "for i in 1 2 3; do echo 1795353600 52:54:00:00:00:0$i 10.90.7.4$i '* *'; done "
                  "> /run/vnicd-network/net0/leases");
        stage_enter(&stage);
        create(&stage, &plan, true);
        stage_restart(&stage);
        network = networks_find(manager_networks(stage.manager), "net0");
        request.has_guest_mac = true;
        request.guest_mac = mac;
        create_tap(&stage, &request, &plan, &stays);
        request.guest_mac.ether_addr_octet[5] = 2;
        create_tap(&stage, &request, &plan, &goes);
        fdset_done(&goes);
        stage_run_until_left(&stage, 1);
        for (int i = 0; i < 100 && network->leases.n_reserved < 2; i++)
                stage_run(&stage, 20);
        assert_int_equal(network->leases.n_reserved, 2);
        assert_false(is_reserved(network, &mac));
        fdset_done(&stays);
        delete_network(&stage, network);
        stage_leave(&stage);
}

/* They may be behind that port. On a network without such a port they count as gone. */
static void guests_behind_a_port_of_others_are_not_taken_for_gone(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT), other = plan_of("net1", NETWORK_NAT);
        Network *network;
        Stage stage;

        world_run("mount -t tmpfs none /run; mkdir -p /run/vnicd-network/net0 "
                  "/run/vnicd-network/net1; "
                  "echo 1795353600 52:54:00:00:00:01 10.90.7.41 '* *' > "
                  "/run/vnicd-network/net0/leases; "
                  "cp /run/vnicd-network/net0/leases /run/vnicd-network/net1; "
                  "ip link add lan0 type veth peer name lan1");
        stage_enter(&stage);
        create(&stage, &plan, true);
        create(&stage, &other, true);
        world_run("ip link set lan0 master net0");
        stage_restart(&stage);
        network = networks_find(manager_networks(stage.manager), "net1");
        stage_await(&stage, network->leases.n_reserved == 1);
        stage_run(&stage, 100);
        assert_int_equal(networks_find(manager_networks(stage.manager), "net0")->leases.n_reserved,
                        0);
        stage_leave(&stage);
}

static void what_is_left_of_a_lost_network_goes_at_a_start(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT;
        Stage stage;

        stage_enter(&stage);
        create_tap(&stage, &request, &plan, &queues);
        stage.manager = manager_free(stage.manager);
        world_run("ip link delete net0; ip link add half group 1986947427 type bridge; "
                  "ip link add other group 1986947427 type bridge; ip link set other alias mine");
        stage_restart(&stage);
        stage_await(&stage, !world_has_link("half"));
        stage_await(&stage, world_count_links() == 2);
        /* The last tap is gone before that is read, and they go then. */
        stage_await(&stage, !*world_read("nft list tables | grep vnicd-net0"));
        assert_true(world_has_link("other"));
        assert_nothing_is_left(2);
        fdset_done(&queues);
        stage_leave(&stage);
}

/* Without them the host would receive what its guest sends. */
static void the_filters_of_a_lost_network_stay_as_long_as_a_tap_of_it(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        const TapRequest request = request_on("net0");
        FdSet queues = FDSET_INIT;
        char tap[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        snprintf(tap, sizeof(tap), "%s", create_tap(&stage, &request, &plan, &queues)->now.name);
        stage.manager = manager_free(stage.manager);
        world_run("ip link delete net0");
        atomic_store(&held, world_ifindex(tap));
        stage_restart(&stage);
        stage_run(&stage, 20);
        assert_true(world_has_link(tap));
        assert_string_equal(world_read("nft list tables | grep -c 'vnicd-net0$'"), "2");
        atomic_store(&held, 0);
        stage_await(&stage, !world_has_link(tap));
        stage_await(&stage, !*world_read("nft list tables | grep vnicd-net0"));
        fdset_done(&queues);
        stage_leave(&stage);
}

/* An uplink with a default route, and another one. */
static void make_uplinks(void) {
        world_run("for i in up0 up1; do ip link add $i type bridge; ip link set $i up; done; "
                  "ip address add 192.0.2.2/24 dev up0; ip address add 198.51.100.2/24 dev up1; "
                  "ip route add default via 192.0.2.1");
}

static bool forwards(const char *device) {
        return *world_read("cat /proc/sys/net/ipv4/conf/%s/forwarding", device) == '1';
}

static bool has_no_elements(const char *set) {
        return *world_read("nft list set inet vnicd-uplinks- %s | grep -c elements", set) == '0';
}

static void forwarding_is_on_where_it_is_needed_and_as_long(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT), next = plan_of("net1", NETWORK_NAT);
        Network *first, *second;
        Stage stage;

        make_uplinks();
        stage_enter(&stage);
        first = create(&stage, &plan, true);
        assert_true(forwards("up0"));
        assert_false(forwards("up1"));
        assert_false(forwards("all"));
        assert_string_equal(
                        world_read("nft list set inet vnicd-uplinks- devices4 | grep -c up0"), "1");
        second = create(&stage, &next, true);
        delete_network(&stage, first);
        assert_true(forwards("up0"));
        stage_restart(&stage);
        second = networks_find(manager_networks(stage.manager), "net1");
        assert_true(forwards("up0"));
        delete_network(&stage, second);
        assert_false(forwards("up0"));
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        stage_leave(&stage);
}

static void forwarding_follows_the_default_route(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Stage stage;

        make_uplinks();
        stage_enter(&stage);
        create(&stage, &plan, true);
        world_run("ip route replace default via 198.51.100.1");
        stage_await(&stage, forwards("up1"));
        stage_await(&stage, !forwards("up0"));
        world_run("ip link delete up1");
        stage_await(&stage, has_no_elements("devices4"));
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        stage_leave(&stage);
}

static bool is_near(const char *set, const char *prefix) {
        return atoi(world_read("nft list set inet vnicd-uplinks- %s | grep -c '%s'", set, prefix)) >
                        0;
}

static void what_is_near_is_kept_from_a_network_and_followed(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Stage stage;

        make_uplinks();
        world_run("ip route add 203.0.113.0/24 via 192.0.2.1");
        stage_enter(&stage);
        create(&stage, &plan, true);
        assert_true(is_near("near4", "192.0.2.0/24"));
        assert_true(is_near("near4", "198.51.100.0/24"));
        assert_false(is_near("near4", "203.0.113.0/24"));
        assert_false(is_near("near6", "elements"));
        world_run("ip address add 2001:db8:5::2/64 dev up1 nodad; ip address del 198.51.100.2/24 "
                  "dev up1; "
                  "ip address add 192.0.2.3/25 dev up1");
        stage_await(&stage, is_near("near6", "2001:db8:5::/64"));
        assert_true(is_near("near4", "192.0.2.0/24"));
        stage_await(&stage, !is_near("near4", "198.51.100.0/24"));
        /* Another program enables forwarding everywhere: it is kept from the network all the
         * same. */
        world_run("echo 1 > /proc/sys/net/ipv4/ip_forward; ip address del 2001:db8:5::2/64 dev "
                  "up1");
        stage_await(&stage, has_no_elements("near6"));
        assert_true(is_near("near4", "192.0.2.0/24"));
        stage_restart(&stage);
        assert_true(is_near("near4", "192.0.2.0/24"));
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        stage_leave(&stage);
}

/* The device already has a route, and no address of its own that would settle meanwhile: nothing
 * else changes. */
static void a_public_subnet_that_comes_onto_an_uplink_is_kept_from_a_network(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Stage stage;

        world_run("ip link add up0 type bridge; ip link set up0 addrgenmode none; "
                  "ip link set up0 up; ip address add 192.0.2.2/24 dev up0; ip route add default "
                  "via 192.0.2.1");
        stage_enter(&stage);
        create(&stage, &plan, true);
        stage_run(&stage, 400);
        world_run("ip route add 203.0.113.0/24 dev up0");
        stage_await(&stage, is_near("near4", "203.0.113.0/24"));
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        stage_leave(&stage);
}

static void a_network_that_goes_is_kept_from_what_is_near_until_it_has_gone(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Waiter waiter = WAITER_INIT;
        Stage stage;

        make_uplinks();
        stage_enter(&stage);
        list_init(&waiter.watch.link);
        networks_delete(manager_networks(stage.manager), create(&stage, &plan, true),
                        &waiter.watch);
        assert_true(is_near("near4", "192.0.2.0/24"));
        assert_false(forwards("up0"));
        stage_await(&stage, waiter.told > 0);
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        stage_leave(&stage);
}

/* A VPN for "all but private addresses" has a route for each half of each half of the Internet. */
static void what_a_tunnel_leads_to_is_not_near(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Stage stage;

        make_uplinks();
        world_run("ip link add vpn0 type bridge; ip link set vpn0 arp off; ip link set vpn0 up; "
                  "ip route add 11.0.0.0/8 dev vpn0; ip -6 route add 2001:db8:7::/48 dev vpn0");
        stage_enter(&stage);
        create(&stage, &plan, true);
        assert_true(is_near("near4", "192.0.2.0/24"));
        assert_false(is_near("near4", "11.0.0.0/8"));
        assert_false(is_near("near6", "elements"));
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        stage_leave(&stage);
}

static void a_network_that_is_to_reach_the_lan_is_kept_from_nothing(void **state) {
        NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Stage stage;

        plan.reach_lan = true;
        make_uplinks();
        stage_enter(&stage);
        create(&stage, &plan, true);
        assert_string_equal(world_read("nft list ruleset | grep -c near"), "0");
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        stage_leave(&stage);
}

static void what_forwards_by_somebody_else_is_left_to_him(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Stage stage;

        make_uplinks();
        world_run("echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding");
        stage_enter(&stage);
        create(&stage, &plan, true);
        assert_string_equal(world_read("nft list ruleset | grep -c up0"), "0");
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        assert_true(forwards("up0"));
        /* This includes a device that is added later. */
        world_run("echo 0 > /proc/sys/net/ipv4/conf/up0/forwarding");
        create(&stage, &plan, true);
        assert_string_equal(
                        world_read("nft list set inet vnicd-uplinks- devices4 | grep -c up0"), "1");
        world_run("echo 1 > /proc/sys/net/ipv4/ip_forward");
        stage_await(&stage, *world_read("nft list ruleset | grep -c up0") == '0');
        delete_network(&stage, networks_find(manager_networks(stage.manager), "net0"));
        assert_true(forwards("up0"));
        stage_leave(&stage);
}

static void await_fate(Stage *stage, const Network *network, FateOutcome outcome) {
        stage_await(stage, network->fates[FIREWALL_EGRESS].outcome == outcome);
}

static void a_firewall_in_its_way_is_told_and_so_is_its_end(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Network *network;
        Stage stage;

        make_uplinks();
        stage_enter(&stage);
        world_run("nft 'add table ip filter { chain FORWARD { type filter hook forward priority 0; "
                  "policy drop; }; }'");
        network = create(&stage, &plan, true);
        await_fate(&stage, network, FATE_DROPPED);
        assert_string_equal(network->fates[FIREWALL_EGRESS].chain, "ip filter FORWARD");
        assert_non_null(strstr(network->warnings[NETWORK_WARNING_FIREWALL], "ip filter FORWARD"));
        assert_true(stage.networks_warned > 0);
        stage.networks_warned = 0;
        world_run("nft delete table ip filter");
        networks_check_firewalls(manager_networks(stage.manager));
        await_fate(&stage, network, FATE_ACCEPTED);
        assert_null(network->warnings[NETWORK_WARNING_FIREWALL]);
        assert_true(stage.networks_warned > 0);
        delete_network(&stage, network);
        stage_leave(&stage);
}

/* However often it is requested, there are two: the one in progress, and one after it. */
static void looks_at_firewalls_are_few_and_the_last_one_sees_all(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
        Network *network;
        Stage stage;

        make_uplinks();
        stage_enter(&stage);
        network = create(&stage, &plan, true);
        for (int i = 0; i < 1000; i++)
                networks_check_firewalls(manager_networks(stage.manager));
        world_run("nft 'add table ip filter { chain FORWARD { type filter hook forward priority 0; "
                  "policy drop; }; }'");
        networks_check_firewalls(manager_networks(stage.manager));
        await_fate(&stage, network, FATE_DROPPED);
        delete_network(&stage, network);
        /* One is in progress when the service stops. */
        networks_check_firewalls(manager_networks(stage.manager));
        stage_leave(&stage);
}

/* Runs what one does until it is killed: at the n-th message. Returns whether it was. */
static bool is_killed_at(int n, bool of_deletion) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                const NetworkPlan plan = plan_of("net0", NETWORK_NAT);
                Stage stage;

                stage_enter(&stage);
                if (!of_deletion)
                        atomic_store(&messages_left, n);
                create(&stage, &plan, true);
                atomic_store(&messages_left, of_deletion ? n : 0);
                if (of_deletion)
                        delete_network(&stage,
                                        networks_find(manager_networks(stage.manager), "net0"));
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
        return WIFSIGNALED(status);
}

/* Anything left half made is removed at a start, which takes a moment. */
static bool is_settled(Stage *stage) {
        const Network *network = networks_find(manager_networks(stage->manager), "net0");

        return !network || !network_is_ending(network);
}

/* It exists with all of its parts, or with none of them. */
static void assert_is_whole_or_gone(Stage *stage) {
        Network *network;

        stage_run(stage, 20);
        stage_await(stage, is_settled(stage));
        network = networks_find(manager_networks(stage->manager), "net0");
        if (network) {
                assert_non_null(strstr(world_read("nft list tables"), "table bridge vnicd-net0"));
                assert_non_null(strstr(world_read("nft list tables"), "table inet vnicd-net0"));
                assert_true(world_link_says("net0", ",UP"));
                assert_string_equal(world_read("ip address show dev net0 | grep -c 'inet'"), "3");
                assert_true(forwards("net0"));
                assert_true(forwards("up0"));
                delete_network(stage, network);
        }
        stage_await(stage, world_count_links() == 3);
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
        assert_false(forwards("up0"));
}

static int converges(bool of_deletion) {
        bool killed = true;
        int n = 0;

        while (killed) {
                Stage stage;

                assert_int_equal(world_enter(NULL), 0);
                make_uplinks();
                killed = is_killed_at(++n, of_deletion);
                stage_enter(&stage);
                assert_is_whole_or_gone(&stage);
                stage_leave(&stage);
        }
        return n;
}

static void killed_at_any_step_of_its_making_it_is_whole_or_gone(void **state) {
        assert_true(converges(false) > 12);
}

static void killed_at_any_step_of_its_end_it_is_whole_or_gone(void **state) {
        assert_true(converges(true) > 5);
}

/* Whoever shows the list is told of the end by the observer of networks, when it begins. */
static void the_bridge_of_a_network_that_ends_is_no_news(void **state) {
        const NetworkPlan plan = plan_of("net0", NETWORK_ISOLATED);
        const BridgeWatch *watch;
        Network *network;
        Stage stage;

        stage_enter(&stage);
        watch = &stage.manager->bridge_watch;
        network = create(&stage, &plan, true);
        assert_true(link_monitor_catch_up(stage.manager->monitor));
        assert_true(watch->changed);
        stage_await(&stage, !watch->changed && !watch->addresses_touched);
        assert_int_equal(stage.bridges_changed, 1);
        delete_network(&stage, network);
        assert_false(world_has_link("net0"));
        assert_true(link_monitor_catch_up(stage.manager->monitor));
        assert_false(watch->changed);
        assert_int_equal(stage.bridges_changed, 1);
        stage_leave(&stage);
}

#define CASE(name) cmocka_unit_test_setup(name, world_enter)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_network_has_all_that_makes_it),
                CASE(it_is_never_up_without_its_filters),
                CASE(it_comes_up_again_with_the_same_addresses),
                CASE(it_clashes_with_no_route),
                CASE(an_address_that_the_host_has_is_refused),
                CASE(a_bridge_of_others_is_refused_and_stays_as_it_is),
                CASE(nor_is_one_taken_that_they_make_after_the_look_at_the_name),
                CASE(a_tap_on_a_network_has_its_group_and_what_the_network_demands),
                CASE(its_limits_are_kept),
                CASE(with_it_go_its_endpoints),
                CASE(the_bridge_of_a_network_that_ends_is_no_news),
                CASE(a_bridge_that_somebody_deletes_takes_all_with_it),
                CASE(a_bridge_is_known_by_its_number_whatever_its_group),
                CASE(another_link_that_had_its_number_is_not_its_bridge),
                CASE(a_deletion_of_what_is_gone_already_ends_well),
                CASE(without_a_record_there_is_no_bridge),
                CASE(who_comes_while_it_goes_waits),
                CASE(a_foreign_port_that_comes_after_the_look_is_not_overlooked),
                CASE(a_persistent_tap_is_refused_then_as_well),
                CASE(events_that_are_behind_do_not_hide_a_foreign_port),
                CASE(what_cannot_be_looked_at_has_a_foreign_port),
                CASE(a_tap_that_carries_the_tag_of_another_is_a_foreign_port),
                CASE(the_ports_that_are_shown_follow_the_kernel),
                cmocka_unit_test(it_changes_its_state_in_the_legal_ways_only),
                cmocka_unit_test(while_it_ends_it_is_not_up),
                CASE(a_deletion_that_is_refused_is_tried_again_and_at_last_given_up),
                CASE(a_network_that_nobody_keeps_goes_later_if_its_deletion_was_given_up),
                CASE(so_does_one_that_was_never_complete),
                CASE(one_that_nobody_has_ever_used_goes_later),
                CASE(a_port_of_others_is_use),
                CASE(a_deletion_that_is_refused_twice_succeeds_later),
                CASE(a_restart_takes_everything_up),
                CASE(guests_that_come_while_old_leases_are_looked_for_are_not_taken_for_gone),
                CASE(guests_behind_a_port_of_others_are_not_taken_for_gone),
                CASE(what_is_left_of_a_lost_network_goes_at_a_start),
                CASE(the_filters_of_a_lost_network_stay_as_long_as_a_tap_of_it),
                CASE(forwarding_is_on_where_it_is_needed_and_as_long),
                CASE(forwarding_follows_the_default_route),
                CASE(what_is_near_is_kept_from_a_network_and_followed),
                CASE(a_public_subnet_that_comes_onto_an_uplink_is_kept_from_a_network),
                CASE(a_network_that_goes_is_kept_from_what_is_near_until_it_has_gone),
                CASE(what_a_tunnel_leads_to_is_not_near),
                CASE(a_network_that_is_to_reach_the_lan_is_kept_from_nothing),
                CASE(what_forwards_by_somebody_else_is_left_to_him),
                CASE(a_firewall_in_its_way_is_told_and_so_is_its_end),
                CASE(looks_at_firewalls_are_few_and_the_last_one_sees_all),
                CASE(killed_at_any_step_of_its_making_it_is_whole_or_gone),
                CASE(killed_at_any_step_of_its_end_it_is_whole_or_gone),
                CASE(nothing_new_gets_onto_a_network_whose_filters_are_missing),
                CASE(a_network_that_goes_while_its_filters_are_restored_leaves_none),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
