/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other programs delete or change packet filters of vnicd at the worst moment: right after they
 * were restored, while they are read, before a thread has restored them, and repeatedly. nft and
 * /sys are asked for the actual state.
 */
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"
#include "testing.h"
#include "world.h"

/* Changes by others, with nft(8), when the service has sent a message. */
static struct {
        const char *once_made; /* after the next filters that it makes, before it reads them; NULL:
                                  nothing */
        const char *at_each_look; /* whenever it asks for rules, before it has read all of the
                                     answer */
} others;

static bool is_of_thread(void) {
        return gettid() != getpid();
}

static bool is_message(const void *data, size_t size, int type) {
        const struct nlmsghdr *header = data;

        return size >= sizeof(*header) && header->nlmsg_type == type;
}

/* This is how transactions are sent. */
__attribute__((visibility("default"))) ssize_t send(
                int fd, const void *data, size_t size, int flags) {
        const ssize_t n = syscall(SYS_sendto, fd, data, size, flags, NULL, 0);

        if (others.once_made && is_message(data, size, NFNL_MSG_BATCH_BEGIN)) {
                world_run("nft '%s'", others.once_made);
                others.once_made = NULL;
        }
        return n;
}

/* And this is how queries are sent. */
__attribute__((visibility("default"))) ssize_t sendmsg(
                int fd, const struct msghdr *message, int flags) {
        const struct iovec *data = message->msg_iov;
        const ssize_t n = syscall(SYS_sendmsg, fd, message, flags);

        if (others.at_each_look && !is_of_thread() &&
                        is_message(data->iov_base, data->iov_len,
                                        NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE))
                world_run("nft '%s'", others.at_each_look);
        return n;
}

/* A thread that restores filters may have to wait until the loop has removed them. */
static atomic_bool waits;
static sem_t removed;
static atomic_int made_by_thread;

int __real_filter_library_run(const char *commands, char **ret, Failure *failure);
int __wrap_filter_library_run(const char *commands, char **ret, Failure *failure);

int __wrap_filter_library_run(const char *commands, char **ret, Failure *failure) {
        int r;

        if (atomic_load(&waits) && is_of_thread())
                assert_ok(sem_wait(&removed));
        r = __real_filter_library_run(commands, ret, failure);
        if (is_of_thread())
                atomic_fetch_add(&made_by_thread, r >= 0);
        else if (atomic_load(&waits) && strstr(commands, "delete table inet vnicd-net0"))
                assert_ok(sem_post(&removed));
        return r;
}

static int enter_world_with_bridge(void **state) {
        memset(&others, 0, sizeof(others));
        if (world_enter(state) < 0)
                return -1;
        world_run("ip link add br0 type bridge && ip link set br0 up");
        return 0;
}

/* Checks as for a tap on that bridge: deleted filters are restored at once, or by a thread. */
static int look(Stage *stage, const char *bridge) {
        TapRequest request = TAP_REQUEST_INIT;
        Failure failure = FAILURE_INIT;
        List *blocked_on = NULL;
        Placement place;

        assert_ok(tap_request_set_bridge(&request, bridge, NULL));
        assert_ok(tap_request_complete(&request, 2, NULL));
        return placement_check(stage->manager, &request, CLIENT(1000, ":1.5"), &place, &blocked_on,
                        &failure);
}

static Network *create_network(Stage *stage) {
        NetworkPlan plan = NETWORK_PLAN_INIT;
        Failure failure = FAILURE_INIT;
        Network *network;

        strcpy(plan.name, "net0");
        plan.kind = NETWORK_ISOLATED;
        assert_ok(network_plan_complete(&plan, NULL));
        if (networks_create(manager_networks(stage->manager), &plan, true, &network, &failure) < 0)
                fail_msg("%s", failure.text);
        return network;
}

static bool has_rule(const char *table, const char *rule) {
        return *world_read("nft list table %s 2>&1 | grep '%s'", table, rule);
}

#define TAPS "bridge vnicd-taps-"

static void what_is_changed_right_after_they_were_restored_is_restored_too(void **state) {
        Stage stage;

        stage_enter(&stage);
        world_run("nft delete table " TAPS);
        others.once_made = "insert rule " TAPS " prerouting ether type 0x1234 accept";
        assert_int_equal(look(&stage, "br0"), PLACEMENT_OK);
        assert_null(others.once_made);
        assert_true(has_rule(TAPS, "0x1234 accept"));
        stage_await(&stage, !has_rule(TAPS, "0x1234 accept"));
        assert_true(has_rule(TAPS, "01:80:c2"));
        stage_leave(&stage);
}

/* Each dump of rules is interrupted, so that nothing can be determined then. */
static void what_cannot_be_read_for_others_is_restored_when_it_can_be(void **state) {
        Network *network;
        Stage stage;

        stage_enter(&stage);
        network = create_network(&stage);
        world_run("nft insert rule inet vnicd-net0 input tcp dport 4242 accept");
        others.at_each_look = "add table inet other; delete table inet other";
        assert_int_equal(look(&stage, "net0"), PLACEMENT_OK);
        assert_null(network->restoration);
        others.at_each_look = NULL;
        stage_await(&stage, !has_rule("inet vnicd-net0", "4242 accept"));
        assert_true(has_rule("inet vnicd-net0", "drop"));
        stage_leave(&stage);
}

static void what_a_thread_restores_after_its_network_has_gone_is_taken_away(void **state) {
        Network *network;
        Waiter waiter = { .watch.removed = waiter_gone };
        Stage stage;

        stage_enter(&stage);
        network = create_network(&stage);
        assert_ok(sem_init(&removed, 0, 0));
        atomic_store(&made_by_thread, 0);
        atomic_store(&waits, true);
        world_run("nft delete table inet vnicd-net0");
        assert_int_equal(look(&stage, "net0"), PLACEMENT_BLOCKED);
        list_init(&waiter.watch.link);
        networks_delete(manager_networks(stage.manager), network, &waiter.watch);
        stage_await(&stage, waiter.told > 0);
        atomic_store(&waits, false);
        stage_await(&stage, atomic_load(&made_by_thread) > 0);
        stage_await(&stage, !*world_read("nft list tables | grep vnicd-net0"));
        assert_int_equal(atomic_load(&made_by_thread), 1);
        assert_null(networks_find(manager_networks(stage.manager), "net0"));
        stage_leave(&stage);
        sem_destroy(&removed);
}

static void assert_forwards(const char *tap, const char *mask) {
        assert_string_equal(world_read("cat /sys/class/net/%s/brport/group_fwd_mask", tap), mask);
}

/* Otherwise guests could send LACP to the LAN. */
static void while_they_are_given_up_ports_forward_nothing_reserved(void **state) {
        const TapRequest request = stage_request();
        FdSet queues = FDSET_INIT;
        char tap[IFNAMSIZ];
        Stage stage;

        stage_enter(&stage);
        snprintf(tap, sizeof(tap), "%s", stage_create(&stage, &request, &queues)->now.name);
        assert_forwards(tap, "0xfffd");
        for (int i = 0; i < RESTORATIONS_MAX; i++) {
                world_run("nft delete table " TAPS);
                assert_int_equal(look(&stage, "br0"), PLACEMENT_OK);
                assert_true(has_rule(TAPS, "01:80:c2"));
                assert_forwards(tap, "0xfffd");
        }
        world_run("nft delete table " TAPS);
        assert_int_equal(look(&stage, "br0"), PLACEMENT_OK);
        assert_false(has_rule(TAPS, "01:80:c2"));
        stage_run(&stage, 20);
        assert_forwards(tap, "0x0");
        fdset_done(&queues);
        stage_leave(&stage);
}

#define CASE(name) cmocka_unit_test_setup(name, enter_world_with_bridge)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(what_is_changed_right_after_they_were_restored_is_restored_too),
                CASE(what_cannot_be_read_for_others_is_restored_when_it_can_be),
                CASE(what_a_thread_restores_after_its_network_has_gone_is_taken_away),
                CASE(while_they_are_given_up_ports_forward_nothing_reserved),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
