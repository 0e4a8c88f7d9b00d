/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which devices of the host forward for networks of the kind nat, and which subnets a network can
 * have, on hosts with more than one uplink; verified with iproute2, nft and /proc/sys.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/route.h"
#include "networks/network-filters.h"
#include "stage.h"
#include "testing.h"
#include "world.h"

/* A check of the routes takes two of these. */
static unsigned dumps;

int __real_route_dump(
                Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure);
int __wrap_route_dump(
                Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure);

int __wrap_route_dump(
                Netlink *netlink, int family, route_each_t each, void *userdata, Failure *failure) {
        dumps++;
        return __real_route_dump(netlink, family, each, userdata, failure);
}

static unsigned refused; /* that many writes of a tag are still to fail */

int __real_link_set_alias(Netlink *netlink, int ifindex, const char *alias, Failure *failure);
int __wrap_link_set_alias(Netlink *netlink, int ifindex, const char *alias, Failure *failure);

int __wrap_link_set_alias(Netlink *netlink, int ifindex, const char *alias, Failure *failure) {
        if (refused > 0) {
                refused--;
                return -ENOBUFS;
        }
        return __real_link_set_alias(netlink, ifindex, alias, failure);
}

static NetworkPlan plan_of(const char *name, bool reach_lan) {
        NetworkPlan plan = NETWORK_PLAN_INIT;

        strcpy(plan.name, name);
        plan.kind = NETWORK_NAT;
        plan.reach_lan = reach_lan;
        assert_ok(network_plan_complete(&plan, NULL));
        return plan;
}

static Network *create(Stage *stage, const NetworkPlan *plan) {
        Failure failure = FAILURE_INIT;
        Network *network = NULL;

        if (networks_create(manager_networks(stage->manager), plan, true, &network, &failure) < 0)
                fail_msg("%s", failure.text);
        return network;
}

static void delete_network(Stage *stage, const char *name) {
        Waiter waiter = WAITER_INIT;

        list_init(&waiter.watch.link);
        networks_delete(manager_networks(stage->manager),
                        networks_find(manager_networks(stage->manager), name), &waiter.watch);
        for (int i = 0; i < 500 && waiter.told == 0; i++)
                assert_ok(sd_event_run(stage->event, 20 * 1000));
        assert_int_equal(waiter.told, 1);
        assert_int_equal(waiter.error, 0);
}

static bool forwards(const char *device) {
        return *world_read("cat /proc/sys/net/ipv4/conf/%s/forwarding", device) == '1';
}

/* Runs until this is the case, or ten seconds are over: routes are read a moment after a
 * change. */
static bool comes_to_forward(Stage *stage, const char *device, bool forward) {
        for (int i = 0; i < 200 && forwards(device) != forward; i++)
                assert_ok(sd_event_run(stage->event, 50 * 1000));
        return forwards(device) == forward;
}

/* What is left on any device, which a later service would take for its own. */
static void assert_all_is_taken_back(void) {
        assert_string_equal(world_read("cat /proc/sys/net/ipv4/conf/*/forwarding "
                                       "/proc/sys/net/ipv4/conf/*/tag | sort -u"),
                        "0");
        assert_string_equal(world_read("nft list tables | grep -v vnicd-taps-"), "");
}

static void make_device(const char *name, const char *address) {
        world_run("ip link add %s type bridge; ip link set %s addrgenmode none; ip link set %s up; "
                  "ip address add %s dev %s",
                        name, name, name, address, name);
}

/* As a VPN creates it, except that its driver is another. */
static void make_tunnel(const char *name, const char *address) {
        world_run("ip link add %s type bridge; ip link set %s addrgenmode none arp off; "
                  "ip link set %s up; ip address add %s dev %s",
                        name, name, name, address, name);
}

static void what_is_reached_by_other_devices_is_forwarded_from_them(void **state) {
        const NetworkPlan closed = plan_of("net0", false), open = plan_of("net1", true);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        make_device("gateway", "198.51.100.2/24");
        make_device("printer", "192.168.77.2/24");
        make_device("neighbour", "198.18.0.2/24");
        make_device("unused", "127.1.0.1/32");
        make_tunnel("vpn0", "10.8.0.2/32");
        make_tunnel("vpn1", "10.9.0.2/32");
        world_run("ip route add default via 192.0.2.1; "
                  "ip route add 203.0.113.0/24 via 198.51.100.1; "
                  "ip route add 203.0.114.0/24 dev vpn0; ip route add 10.0.0.0/8 dev vpn1");
        stage_enter(&stage);
        create(&stage, &closed);
        assert_true(forwards("up0"));
        assert_true(forwards("gateway"));
        assert_true(forwards("vpn0"));
        /* No guest of the network may reach these. */
        assert_false(forwards("printer"));
        assert_false(forwards("neighbour"));
        assert_false(forwards("vpn1"));
        create(&stage, &open);
        assert_true(forwards("printer"));
        assert_true(forwards("neighbour"));
        assert_true(forwards("vpn1"));
        assert_false(forwards("unused"));
        assert_false(forwards("lo"));
        assert_false(forwards("all"));
        assert_false(forwards("default"));
        delete_network(&stage, "net1");
        assert_false(forwards("vpn1"));
        assert_true(forwards("gateway"));
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void without_any_default_route_as_well(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add 203.0.113.0/24 via 192.0.2.1");
        stage_enter(&stage);
        create(&stage, &plan);
        assert_true(forwards("up0"));
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void with_any_number_of_default_routes(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        world_run("for i in $(seq 1 20); do ip link add up$i type bridge; ip link set up$i up; "
                  "ip address add 192.0.$i.2/24 dev up$i; "
                  "ip route add default via 192.0.$i.1 metric $((100 + i)); done");
        stage_enter(&stage);
        create(&stage, &plan);
        for (int i = 1; i <= 20; i++) {
                char name[16];

                snprintf(name, sizeof(name), "up%d", i);
                if (!forwards(name))
                        fail_msg("%s does not forward", name);
        }
        stage_restart(&stage);
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void by_a_route_with_many_ways_each_of_them_forwards(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        world_run("for i in $(seq 1 20); do ip link add up$i type bridge; ip link set up$i up; "
                  "ip address add 192.0.$i.2/24 dev up$i; "
                  "ways=\"$ways nexthop via 192.0.$i.1\"; done; ip route add default $ways");
        stage_enter(&stage);
        create(&stage, &plan);
        assert_string_equal(
                        world_read("cat /proc/sys/net/ipv4/conf/up*/forwarding | grep -c 1"), "20");
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void a_vpn_that_comes_and_goes_is_followed(void **state) {
        const NetworkPlan plan = plan_of("net0", true);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        stage_enter(&stage);
        create(&stage, &plan);
        for (int i = 0; i < 3; i++) {
                make_tunnel("vpn0", "10.8.0.2/32");
                world_run("ip route add 10.0.0.0/8 dev vpn0");
                assert_true(comes_to_forward(&stage, "vpn0", true));
                world_run("ip link del vpn0");
        }
        make_device("up1", "198.51.100.2/24");
        world_run("ip route add 203.0.113.0/24 via 198.51.100.1");
        assert_true(comes_to_forward(&stage, "up1", true));
        world_run("ip route del 203.0.113.0/24; ip address del 198.51.100.2/24 dev up1");
        assert_true(comes_to_forward(&stage, "up1", false));
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

/* As a killed one leaves it: nothing is sent to the kernel any more. */
static void run_and_die(const NetworkPlan *plan) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                Stage stage;

                stage_enter(&stage);
                create(&stage, plan);
                kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
}

static void after_a_crash_all_is_taken_back_though_the_network_is_gone(void **state) {
        const NetworkPlan plan = plan_of("net0", true);
        Stage stage;

        world_run("for i in $(seq 1 9); do ip link add up$i type bridge; ip link set up$i up; "
                  "ip address add 192.0.$i.2/24 dev up$i; done; "
                  "echo 1 > /proc/sys/net/ipv4/conf/up9/forwarding");
        run_and_die(&plan);
        assert_true(forwards("up1"));
        assert_true(forwards("up8"));
        world_run("ip link del net0");
        stage_enter(&stage);
        stage_run(&stage, 100);
        for (int i = 1; i <= 8; i++) {
                char name[16];

                snprintf(name, sizeof(name), "up%d", i);
                if (forwards(name))
                        fail_msg("%s forwards", name);
        }
        assert_true(forwards("up9"));
        world_run("echo 0 > /proc/sys/net/ipv4/conf/up9/forwarding");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

/* The kernel's own field for such a number may be in use already. */
static void a_device_that_somebody_else_has_marked_forwards_and_keeps_its_mark(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1; "
                  "echo 77 > /proc/sys/net/ipv4/conf/up0/tag");
        run_and_die(&plan);
        assert_true(forwards("up0"));
        stage_enter(&stage);
        assert_true(forwards("up0"));
        assert_string_equal(world_read("cat /proc/sys/net/ipv4/conf/up0/tag"), "77");
        delete_network(&stage, "net0");
        assert_false(forwards("up0"));
        assert_string_equal(world_read("cat /proc/sys/net/ipv4/conf/up0/tag"), "77");
        stage_leave(&stage);
}

/* Nothing forwards before vnicd is recorded as having enabled it. */
static void a_device_that_could_not_be_written_down_is_written_down_later(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1; "
                  "echo 77 > /proc/sys/net/ipv4/conf/up0/tag");
        stage_enter(&stage);
        refused = 1;
        create(&stage, &plan);
        assert_int_equal(refused, 0);
        assert_false(forwards("up0"));
        networks_update_uplinks(manager_networks(stage.manager));
        assert_true(forwards("up0"));
        assert_true(world_link_says("net0", "fwd="));
        /* The same holds for the removal of that record. */
        refused = 1;
        world_run("ip route del default");
        networks_update_uplinks(manager_networks(stage.manager));
        assert_false(forwards("up0"));
        assert_true(world_link_says("net0", "fwd="));
        networks_update_uplinks(manager_networks(stage.manager));
        assert_false(world_link_says("net0", "fwd="));
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

/* When it tries again, it treats what is forwarded meanwhile as what it is: another program's. */
static void a_device_that_could_not_be_written_down_is_not_ours(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1; "
                  "echo 77 > /proc/sys/net/ipv4/conf/up0/tag");
        stage_enter(&stage);
        refused = 1;
        create(&stage, &plan);
        assert_int_equal(refused, 0);
        world_run("echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding");
        networks_update_uplinks(manager_networks(stage.manager));
        delete_network(&stage, "net0");
        assert_true(forwards("up0"));
        stage_leave(&stage);
}

static void what_an_earlier_release_switched_on_is_taken_over(void **state) {
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1; "
                  "echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding");
        world_run("ip link add net0 address 76:6e:69:63:00:01 type bridge; "
                  "ip link set net0 group 1986947427 alias 'vnicd-net:1 kind=nat life=kept dhcp=1 "
                  "apart=0 lan=0 host=1 v4=10.70.3.1/24 ports=1023 each=1023 domain=net0.internal "
                  "guard=0 fwd=%d'; ip address add 10.70.3.1/24 dev net0; ip link set net0 up",
                        world_ifindex("up0"));
        stage_enter(&stage);
        assert_non_null(networks_find(manager_networks(stage.manager), "net0"));
        assert_true(forwards("up0"));
        stage_restart(&stage);
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void the_tag_of_an_earlier_release_stays_until_there_is_something_to_write(void **state) {
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1; echo 77 > /proc/sys/net/ipv4/conf/up0/tag; "
                  "echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding");
        world_run("ip link add net0 address 76:6e:69:63:00:01 type bridge; "
                  "ip link set net0 group 1986947427 alias 'vnicd-net:1 kind=nat life=kept dhcp=1 "
                  "apart=0 lan=0 host=1 v4=10.70.3.1/24 ports=1023 each=1023 domain=net0.internal "
                  "guard=0 fwd=%d'; ip address add 10.70.3.1/24 dev net0; ip link set net0 up",
                        world_ifindex("up0"));
        stage_enter(&stage);
        stage_restart(&stage);
        assert_true(forwards("up0"));
        assert_true(world_link_says("net0", "kind=nat life=kept dhcp=1 apart=0 lan=0 host=1"));
        world_run("ip route del default");
        networks_update_uplinks(manager_networks(stage.manager));
        assert_false(forwards("up0"));
        assert_true(world_link_says(
                        "net0", "kind=nat kept address=10.70.3.1/24 domain=net0.internal"));
        assert_false(world_link_says("net0", "fwd="));
        stage_restart(&stage);
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

static void what_is_switched_off_by_somebody_comes_back_five_times(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Network *network;
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1");
        stage_enter(&stage);
        network = create(&stage, &plan);
        for (int i = 0; i < 5; i++) {
                world_run("echo 0 > /proc/sys/net/ipv4/conf/up0/forwarding");
                assert_true(comes_to_forward(&stage, "up0", true));
        }
        assert_null(network->warnings[NETWORK_WARNING_FORWARDING]);
        world_run("echo 0 > /proc/sys/net/ipv4/conf/up0/forwarding");
        for (int i = 0; i < 200 && !network->warnings[NETWORK_WARNING_FORWARDING]; i++)
                assert_ok(sd_event_run(stage.event, 50 * 1000));
        assert_non_null(network->warnings[NETWORK_WARNING_FORWARDING]);
        assert_false(forwards("up0"));
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

/* Checks */

static void taps_and_routes_that_change_nothing_are_not_looked_at(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        TapRequest request = TAP_REQUEST_INIT;
        FdSet queues[20];
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        world_run("ip route add default via 192.0.2.1");
        stage_enter(&stage);
        create(&stage, &plan);
        stage_run(&stage, 400);
        dumps = 0;
        assert_int_equal(tap_request_set_bridge(&request, "net0", NULL), 0);
        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        for (size_t i = 0; i < ELEMENTS(queues); i++) {
                queues[i] = FDSET_INIT;
                stage_create(&stage, &request, &queues[i]);
        }
        stage_run(&stage, 400);
        for (size_t i = 0; i < ELEMENTS(queues); i++)
                fdset_done(&queues[i]);
        stage_run_until_left(&stage, ELEMENTS(queues));
        world_run("for i in $(seq 1 200); do echo route add 198.51.$i.0/24 via 192.0.2.1; done | "
                  "ip -batch -");
        stage_run(&stage, 400);
        assert_int_equal(dumps, 0);
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

static void a_burst_of_changes_is_looked_at_once_or_twice(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        make_device("up0", "192.0.2.2/24");
        stage_enter(&stage);
        create(&stage, &plan);
        stage_run(&stage, 400);
        dumps = 0;
        world_run("for i in $(seq 1 250); do echo route add 198.51.$i.0/24 dev up0; "
                  "echo route add 198.18.$i.0/24 via 192.0.2.1; "
                  "echo route del 198.51.$i.0/24; echo route del 198.18.$i.0/24; done | "
                  "ip -batch -");
        stage_run(&stage, 3000);
        assert_in_range(dumps, 2, 8);
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

/* Subnets */

static void routes_of_a_vpn_that_are_wider_are_no_clash(void **state) {
        NetworkPlan plan = plan_of("net0", false);
        char text[NETWORK_ADDRESS_SIZE];
        Stage stage;

        make_tunnel("vpn0", "10.8.0.2/32");
        world_run("for route in 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16; do "
                  "ip route add $route dev vpn0; done; ip -6 route add fc00::/7 dev vpn0");
        stage_enter(&stage);
        create(&stage, &plan);
        delete_network(&stage, "net0");
        assert_ok(network_plan_add_address(&plan, "10.70.3.1/24"));
        assert_ok(network_plan_add_address(&plan, "fd70:3::1/64"));
        assert_string_equal(
                        network_plan_v4(&create(&stage, &plan)->tag.plan, text), "10.70.3.1/24");
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

static void refusals_of_private_addresses_are_no_clash(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Stage stage;

        world_run("for kind in unreachable blackhole prohibit; do "
                  "ip route add $kind 10.0.0.0/8 metric 1$((n += 1)); "
                  "ip route add $kind 172.16.0.0/12 metric 1$n; "
                  "ip route add $kind 192.168.0.0/16 metric 1$n; done; "
                  "ip link set lo up; ip -6 route add unreachable fc00::/7");
        stage_enter(&stage);
        create(&stage, &plan);
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

static void assert_clashes(const char *address, const char *commands, const char *undo) {
        NetworkPlan plan = plan_of("net0", false);
        Failure failure = FAILURE_INIT;
        Network *network;
        Stage stage;

        world_run("%s", commands);
        assert_ok(network_plan_add_address(&plan, address));
        stage_enter(&stage);
        if (networks_create(manager_networks(stage.manager), &plan, true, &network, &failure) !=
                        -EADDRINUSE)
                fail_msg("\"%s\" does not keep anybody from %s", commands, address);
        assert_int_equal(failure.kind, FAILURE_ADDRESS_IN_USE);
        assert_false(world_has_link("net0"));
        stage_leave(&stage);
        world_run("%s", undo);
}

static void a_subnet_on_a_link_and_an_equal_or_narrower_route_are_a_clash(void **state) {
        make_device("up0", "192.0.2.2/24");
        make_tunnel("vpn0", "10.8.0.2/32");
        assert_clashes("10.70.3.1/24", "ip address add 10.70.0.9/16 dev up0",
                        "ip address del 10.70.0.9/16 dev up0");
        assert_clashes("10.70.3.1/24", "ip address add 10.70.3.9/30 dev up0",
                        "ip address del 10.70.3.9/30 dev up0");
        /* A network manager that adds the route itself, or a cable that is not plugged in. */
        assert_clashes("10.70.3.1/24", "ip address add 10.70.0.9/16 dev up0 noprefixroute",
                        "ip address del 10.70.0.9/16 dev up0");
        assert_clashes("10.70.3.1/24", "ip link set up0 down; ip address add 10.70.0.9/16 dev up0",
                        "ip address del 10.70.0.9/16 dev up0; ip link set up0 up");
        /* At the other end of a tunnel. */
        assert_clashes("10.70.3.1/24", "ip address add 10.8.0.3 peer 10.70.3.7 dev vpn0",
                        "ip address del 10.8.0.3 peer 10.70.3.7 dev vpn0");
        assert_clashes("10.70.3.1/24", "ip route add 10.70.3.0/24 dev vpn0",
                        "ip route del 10.70.3.0/24");
        assert_clashes("10.70.3.1/24", "ip route add unreachable 10.70.3.128/25",
                        "ip route del unreachable 10.70.3.128/25");
        assert_clashes("10.70.3.1/24", "ip route add 10.70.3.77/32 dev vpn0 table 99",
                        "ip route del 10.70.3.77/32 dev vpn0 table 99");
        assert_clashes("fd70:3::1/64", "ip address add fd70:3::9/48 dev up0 nodad",
                        "ip address del fd70:3::9/48 dev up0");
        assert_clashes("fd70:3::1/64", "ip -6 route add fd70:3::/64 dev vpn0",
                        "ip -6 route del fd70:3::/64 dev vpn0");
}

/* IPv6 */

static void without_ipv6_for_new_links_a_network_has_ipv4_only(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Network *network;
        Stage stage;

        world_run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        stage_enter(&stage);
        network = create(&stage, &plan);
        assert_int_equal(network->tag.plan.v4_prefix, 24);
        assert_int_equal(network->tag.plan.v6_prefix, 0);
        assert_false(network->tag.guard_v6);
        assert_string_equal(world_read("ip -6 address show dev net0"), "");
        assert_string_equal(world_read("nft list table bridge vnicd-net0 | grep -c fd"), "0");
        stage_restart(&stage);
        assert_non_null(networks_find(manager_networks(stage.manager), "net0"));
        delete_network(&stage, "net0");
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void ipv6_that_was_asked_for_is_refused_with_what_to_do(void **state) {
        NetworkPlan plan = plan_of("net0", false);
        Failure failure = FAILURE_INIT;
        Network *network;
        Stage stage;

        world_run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
        assert_ok(network_plan_add_address(&plan, "10.70.3.1/24"));
        assert_ok(network_plan_add_address(&plan, "fd70:3::1/64"));
        stage_enter(&stage);
        assert_int_equal(networks_create(manager_networks(stage.manager), &plan, true, &network,
                                         &failure),
                        -EOPNOTSUPP);
        assert_int_equal(failure.kind, FAILURE_NOT_SUPPORTED);
        assert_non_null(strstr(failure.text, "disable_ipv6"));
        assert_true(world_loses_link("net0"));
        stage_run(&stage, 100);
        assert_all_is_taken_back();
        stage_leave(&stage);
}

static void a_network_whose_host_has_lost_ipv6_is_taken_up_with_the_rest(void **state) {
        const NetworkPlan plan = plan_of("net0", false);
        Network *network;
        Stage stage;

        stage_enter(&stage);
        create(&stage, &plan);
        world_run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set net0 down; "
                  "ip address flush dev net0");
        stage_restart(&stage);
        network = networks_find(manager_networks(stage.manager), "net0");
        assert_non_null(network);
        assert_true(world_link_says("net0", ",UP"));
        assert_non_null(strstr(world_read("ip -4 address show dev net0"), ".1/24"));
        delete_network(&stage, "net0");
        stage_leave(&stage);
}

#define CASE(name) cmocka_unit_test_setup(name, world_enter)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(what_is_reached_by_other_devices_is_forwarded_from_them),
                CASE(without_any_default_route_as_well),
                CASE(with_any_number_of_default_routes),
                CASE(by_a_route_with_many_ways_each_of_them_forwards),
                CASE(a_vpn_that_comes_and_goes_is_followed),
                CASE(after_a_crash_all_is_taken_back_though_the_network_is_gone),
                CASE(a_device_that_somebody_else_has_marked_forwards_and_keeps_its_mark),
                CASE(a_device_that_could_not_be_written_down_is_written_down_later),
                CASE(a_device_that_could_not_be_written_down_is_not_ours),
                CASE(what_an_earlier_release_switched_on_is_taken_over),
                CASE(the_tag_of_an_earlier_release_stays_until_there_is_something_to_write),
                CASE(what_is_switched_off_by_somebody_comes_back_five_times),
                CASE(taps_and_routes_that_change_nothing_are_not_looked_at),
                CASE(a_burst_of_changes_is_looked_at_once_or_twice),
                CASE(routes_of_a_vpn_that_are_wider_are_no_clash),
                CASE(refusals_of_private_addresses_are_no_clash),
                CASE(a_subnet_on_a_link_and_an_equal_or_narrower_route_are_a_clash),
                CASE(without_ipv6_for_new_links_a_network_has_ipv4_only),
                CASE(ipv6_that_was_asked_for_is_refused_with_what_to_do),
                CASE(a_network_whose_host_has_lost_ipv6_is_taken_up_with_the_rest),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
