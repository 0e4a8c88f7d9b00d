/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An endpoint follows the kernel, and reports at each step exactly what has changed. */
#include <errno.h>

#include "taps/endpoint.h"
#include "testing.h"

static const Tag tag = { .uid = 1000, .nonce = 1, .guest_mac = { { 0x52, 0x54, 0, 0, 0, 1 } } };

static LinkInfo example(void) {
        return (LinkInfo){
                .ifindex = 42,
                .name = "vnic00000001",
                .kind = "tun",
                .mac = { { 0xfe, 0x54, 0, 0, 0, 1 } },
                .mtu = 1500,
                .master = 7,
                .port = { .learning = true },
                .tun = { .tap = true, .multiqueue = true, .queues = 2 },
        };
}

static Endpoint *new_endpoint(void) {
        Endpoint *endpoint = endpoint_new(&tag, ":1.5");
        LinkInfo link = example();

        assert_non_null(endpoint);
        endpoint_follow(endpoint, &link);
        return endpoint;
}

/* What changes when it follows from the example to the link. */
static unsigned changes_to(const LinkInfo *link) {
        Endpoint *endpoint = new_endpoint();
        unsigned changes = endpoint_follow(endpoint, link) & ~(unsigned)ENDPOINT_CHANGED_WARNINGS;

        assert_memory_equal(&endpoint->now, link, sizeof(*link));
        assert_int_equal(endpoint_follow(endpoint, link), 0);
        endpoint_free(endpoint);
        return changes;
}

static void the_same_again_changes_nothing(void **state) {
        LinkInfo link = example();

        assert_int_equal(changes_to(&link), 0);
}

static void another_name_is_just_that(void **state) {
        LinkInfo link = example();

        strcpy(link.name, "other");
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_NAME);
}

static void another_mac_is_just_that(void **state) {
        LinkInfo link = example();

        link.mac.ether_addr_octet[5] = 9;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_MAC);
}

static void another_mtu_is_just_that(void **state) {
        LinkInfo link = example();

        link.mtu = 9000;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_MTU);
}

/* Whether it filters depends on both the flags and being a port at all. */
static void another_bridge_is_another_port(void **state) {
        LinkInfo link = example();

        link.master = 8;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_BRIDGE | ENDPOINT_CHANGED_PORT);
        link.master = 0;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_BRIDGE | ENDPOINT_CHANGED_PORT);
}

static void each_flag_of_the_port_counts(void **state) {
        for (int flag = 0; flag < 3; flag++) {
                LinkInfo link = example();
                bool *flags[] = { &link.port.isolated, &link.port.locked, &link.port.learning };

                *flags[flag] = !*flags[flag];
                assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_PORT);
        }
}

static LinkInfo port_in_state(LinkPortState state) {
        LinkInfo link = example();

        link.is_bridge_port = true;
        link.flags = IFF_UP | IFF_RUNNING;
        link.port.state = state;
        return link;
}

static void forwarding_is_a_change_of_its_own(void **state) {
        LinkInfo link = port_in_state(LINK_PORT_LISTENING);

        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_FORWARDING);
        link.port.state = LINK_PORT_FORWARDING;
        assert_int_equal(changes_to(&link), 0);
}

static void a_port_that_its_bridge_holds_back_is_warned_of(void **state) {
        static const struct {
                LinkPortState state;
                bool guard, open;
                unsigned warning;
        } cases[] = {
                { LINK_PORT_LISTENING, false, true, ENDPOINT_WARNING_LISTENING },
                { LINK_PORT_LEARNING, false, true, ENDPOINT_WARNING_LISTENING },
                { LINK_PORT_BLOCKING, false, true, ENDPOINT_WARNING_BLOCKED },
                { LINK_PORT_FORWARDING, true, true, 0 },
                { LINK_PORT_DISABLED, true, true, ENDPOINT_WARNING_GUARD },
                { LINK_PORT_DISABLED, true, false, 0 },
                { LINK_PORT_DISABLED, false, true, 0 },
        };
        const unsigned all = ENDPOINT_WARNING_LISTENING | ENDPOINT_WARNING_BLOCKED |
                        ENDPOINT_WARNING_GUARD;

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                Endpoint *endpoint = new_endpoint();
                LinkInfo link = port_in_state(cases[i].state);

                link.port.bpdu_guard = cases[i].guard;
                if (!cases[i].open)
                        link.flags = IFF_UP;
                endpoint_follow(endpoint, &link);
                assert_int_equal(endpoint->warnings & all, cases[i].warning);
                assert_int_equal(endpoint_is_forwarding(endpoint),
                                cases[i].state == LINK_PORT_FORWARDING);
                endpoint_free(endpoint);
        }
}

static void one_queue_more_is_no_change_of_state(void **state) {
        LinkInfo link = example();

        link.tun.queues = 3;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_QUEUES);
}

static void the_last_queue_is_a_change_of_state(void **state) {
        LinkInfo link = example();

        link.tun.queues = 0;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_QUEUES | ENDPOINT_CHANGED_STATE);
}

static void a_disabled_queue_is_just_that(void **state) {
        LinkInfo link = example();

        link.tun.queues_disabled = 1;
        assert_int_equal(changes_to(&link), ENDPOINT_CHANGED_QUEUES_DISABLED);
}

static void what_nobody_shows_is_no_change(void **state) {
        LinkInfo link = example();

        link.flags = 0x1043;
        strcpy(link.alias, "words");
        link.tx_queues = 5;
        assert_int_equal(changes_to(&link), 0);
}

static void all_at_once_is_all_bits(void **state) {
        LinkInfo link = example();

        strcpy(link.name, "other");
        link.master = 0;
        link.mac.ether_addr_octet[0] = 2;
        link.mtu = 68;
        link.port = (LinkPort){ .locked = true };
        link.tun.queues = 0;
        link.tun.queues_disabled = 2;
        assert_int_equal(changes_to(&link), 0xff);
}

static void its_charge_follows_what_the_kernel_counts(void **state) {
        Endpoint *endpoint = endpoint_new(&tag, NULL);
        LinkInfo link = example();
        Quota *quota;

        assert_int_equal(quota_new(&quota), 0);
        assert_int_equal(quota_charge(quota, 1000, 1, 1, &endpoint->charge), 0);
        link.tun.queues = 60;
        link.tun.queues_disabled = 4;
        endpoint_follow(endpoint, &link);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, NULL), -EDQUOT);
        endpoint_free(endpoint);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 32, 64, NULL), 0);
        quota_free(quota);
}

static void it_is_active_while_a_queue_is_attached(void **state) {
        Endpoint *endpoint = new_endpoint();

        assert_true(endpoint_is_active(endpoint));
        endpoint->now.tun.queues = 0;
        endpoint->now.tun.queues_disabled = 2;
        assert_false(endpoint_is_active(endpoint));
        endpoint_free(endpoint);
}

static void it_filters_only_as_a_locked_port_that_learns_nothing(void **state) {
        Endpoint *endpoint = new_endpoint();

        for (int bits = 0; bits < 8; bits++) {
                endpoint->now.master = bits & 1 ? 7 : 0;
                endpoint->now.port.locked = bits & 2;
                endpoint->now.port.learning = bits & 4;
                assert_int_equal(endpoint_has_anti_spoof(endpoint), bits == 3);
        }
        endpoint_free(endpoint);
}

typedef struct Watch {
        RemovalWaiter watch;
        Endpoint *endpoint;
        int told, error;
        bool was_unlinked;
} Watch;

static void on_gone(RemovalWaiter *gone, int error) {
        Watch *watch = container_of(gone, Watch, watch);

        watch->told++;
        watch->error = error;
        watch->was_unlinked = list_is_empty(&gone->link);
}

static void every_watch_is_told_once_and_is_unlinked_before(void **state) {
        Endpoint *endpoint = new_endpoint();
        Watch watches[3] = { 0 };

        for (size_t i = 0; i < ELEMENTS(watches); i++) {
                watches[i].watch.removed = on_gone;
                endpoint_add_waiter(endpoint, &watches[i].watch);
        }
        list_unlink(&watches[1].watch.link); /* this one does not want to know any more */
        endpoint_notify_removed(endpoint, -ECANCELED);
        endpoint_notify_removed(endpoint, 0);
        assert_int_equal(watches[0].told, 1);
        assert_int_equal(watches[1].told, 0);
        assert_int_equal(watches[2].told, 1);
        assert_int_equal(watches[2].error, -ECANCELED);
        assert_true(watches[0].was_unlinked && watches[2].was_unlinked);
        endpoint_free(endpoint);
}

static void a_new_one_has_what_it_was_given(void **state) {
        Endpoint *endpoint = endpoint_new(&tag, ":1.5"), *orphan = endpoint_new(&tag, NULL);

        assert_string_equal(endpoint->creator, ":1.5");
        assert_null(orphan->creator);
        assert_int_equal(endpoint->tag.nonce, 1);
        assert_int_equal(endpoint->state, ENDPOINT_CREATING);
        assert_null(endpoint_free(endpoint));
        assert_null(endpoint_free(orphan));
        assert_null(endpoint_free(NULL));
}

static void what_is_not_as_it_was_made_is_warned_of(void **state) {
        Endpoint *endpoint = new_endpoint();
        HostBridge bridge = { .name = "br0", .ifindex = example().master, .mtu = example().mtu };
        LinkInfo made = example(), now;

        list_init(&bridge.endpoints);
        list_init(&bridge.link);
        endpoint->bridge = &bridge;
        endpoint->tag.isolated = endpoint->tag.anti_spoof = true;
        strcpy(endpoint->tag.bridge, "br0");
        made.flags = IFF_UP;
        made.is_bridge_port = true;
        made.port = (LinkPort){ .isolated = true, .locked = true };
        made.tun.owned = true;
        endpoint_follow(endpoint, &made);
        assert_int_equal(endpoint->warnings, 0);
        now = made;
        strcpy(now.name, "other");
        now.flags = 0;
        now.mtu++;
        now.port = (LinkPort){ .learning = true };
        now.tun.owner = 1000;
        now.tun.persistent = true;
        assert_true(endpoint_follow(endpoint, &now) & ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->warnings,
                        ENDPOINT_WARNING_RENAMED | ENDPOINT_WARNING_DOWN | ENDPOINT_WARNING_MTU |
                                        ENDPOINT_WARNING_ANTI_SPOOF | ENDPOINT_WARNING_ISOLATED |
                                        ENDPOINT_WARNING_OWNER | ENDPOINT_WARNING_PERSISTENCE);
        assert_true(endpoint_follow(endpoint, &made) & ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->warnings, 0);
        now = made;
        now.tun.owned = false; /* anybody may open a queue of it */
        assert_true(endpoint_follow(endpoint, &now) & ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->warnings, ENDPOINT_WARNING_OWNER);
        now = made;
        now.flags = 0;
        now.tun.closed = true; /* the kernel does that, on the way to deleting it */
        assert_false(endpoint_follow(endpoint, &now) & ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->warnings, ENDPOINT_WARNING_OWNER);
        now = made;
        now.master = 0;
        now.is_bridge_port = false;
        assert_true(endpoint_follow(endpoint, &now) & ENDPOINT_CHANGED_WARNINGS);
        assert_int_equal(endpoint->warnings, ENDPOINT_WARNING_BRIDGE);
        bridge.ifindex = 0; /* it is gone */
        assert_false(endpoint_review(endpoint));
        endpoint->bridge = NULL;
        endpoint_free(endpoint);
}

static void all_queues_of_a_persistent_one_are_charged_open_or_not(void **state) {
        Endpoint *endpoint = new_endpoint();
        LinkInfo link = example();
        Quota *quota;

        assert_int_equal(quota_new(&quota), 0);
        assert_int_equal(quota_charge(quota, 1000, 1, 8, &endpoint->charge), 0);
        endpoint->tag.persistent = true;
        endpoint->tag.queues = 8;
        link.tun.queues = 0;
        endpoint_follow(endpoint, &link);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 56, NULL), 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 57, NULL), -EDQUOT);
        endpoint_free(endpoint);
        quota_free(quota);
}

static const EndpointState transitions[][2] = {
        { ENDPOINT_CREATING, ENDPOINT_LIVE },
        { ENDPOINT_CREATING, ENDPOINT_ABORTED },
        { ENDPOINT_LIVE, ENDPOINT_DELETING },
        { ENDPOINT_DELETING, ENDPOINT_LIVE },
};

static bool is_legal(EndpointState from, EndpointState to) {
        for (size_t i = 0; i < sizeof(transitions) / sizeof(*transitions); i++)
                if (transitions[i][0] == from && transitions[i][1] == to)
                        return true;
        return false;
}

static void it_changes_its_state_in_the_legal_ways_only(void **state) {
        Endpoint *endpoint = new_endpoint();

        for (EndpointState from = 0; from < ENDPOINT_STATE_MAX; from++)
                for (EndpointState to = 0; to < ENDPOINT_STATE_MAX; to++) {
                        const bool legal = is_legal(from, to);

                        endpoint->state = from;
                        assert_int_equal(endpoint_set_state(endpoint, to), legal ? 0 : -EINVAL);
                        assert_int_equal(endpoint->state, legal ? to : from);
                }
        endpoint_free(endpoint);
}

static void it_is_shown_from_the_end_of_its_creation_to_its_own(void **state) {
        static const bool published[ENDPOINT_STATE_MAX] = {
                [ENDPOINT_LIVE] = true,
                [ENDPOINT_DELETING] = true,
        };
        Endpoint *endpoint = new_endpoint();

        for (EndpointState is = 0; is < ENDPOINT_STATE_MAX; is++) {
                endpoint->state = is;
                assert_int_equal(endpoint_is_published(endpoint), published[is]);
        }
        endpoint_free(endpoint);
}

static void its_own_way_onto_the_bridge_is_no_reason_to_look_for_its_entry(void **state) {
        Endpoint *endpoint = new_endpoint();
        LinkInfo link = example();

        assert_false(endpoint->check_fdb_entry);
        assert_int_equal(endpoint_set_state(endpoint, ENDPOINT_LIVE), 0);
        link.master++;
        endpoint_follow(endpoint, &link);
        assert_true(endpoint->check_fdb_entry);
        endpoint_free(endpoint);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_changes_its_state_in_the_legal_ways_only),
                cmocka_unit_test(it_is_shown_from_the_end_of_its_creation_to_its_own),
                cmocka_unit_test(its_own_way_onto_the_bridge_is_no_reason_to_look_for_its_entry),
                cmocka_unit_test(the_same_again_changes_nothing),
                cmocka_unit_test(another_name_is_just_that),
                cmocka_unit_test(another_mac_is_just_that),
                cmocka_unit_test(another_mtu_is_just_that),
                cmocka_unit_test(another_bridge_is_another_port),
                cmocka_unit_test(each_flag_of_the_port_counts),
                cmocka_unit_test(forwarding_is_a_change_of_its_own),
                cmocka_unit_test(a_port_that_its_bridge_holds_back_is_warned_of),
                cmocka_unit_test(one_queue_more_is_no_change_of_state),
                cmocka_unit_test(the_last_queue_is_a_change_of_state),
                cmocka_unit_test(a_disabled_queue_is_just_that),
                cmocka_unit_test(what_nobody_shows_is_no_change),
                cmocka_unit_test(all_at_once_is_all_bits),
                cmocka_unit_test(its_charge_follows_what_the_kernel_counts),
                cmocka_unit_test(it_is_active_while_a_queue_is_attached),
                cmocka_unit_test(it_filters_only_as_a_locked_port_that_learns_nothing),
                cmocka_unit_test(every_watch_is_told_once_and_is_unlinked_before),
                cmocka_unit_test(a_new_one_has_what_it_was_given),
                cmocka_unit_test(what_is_not_as_it_was_made_is_warned_of),
                cmocka_unit_test(all_queues_of_a_persistent_one_are_charged_open_or_not),
        };

        return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
