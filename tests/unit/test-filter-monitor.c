/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's events about packet filters: whose filters they concern, that a storm of foreign
 * ones costs ten checks a second, and that lost events are reported. nft(8) makes the changes.
 */
#include <arpa/inet.h> /* before linux/netfilter.h, which does not go with it otherwise */
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "taps/filter-monitor.h"
#include "testing.h"
#include "world.h"

typedef struct Told {
        sd_event *event;
        FilterMonitor *monitor;
        unsigned touched, lost, foreign;
        FilterFamily family;
        char name[64]; /* of the last that changed */
} Told;

static void on_touched(const FilterTable *table, void *userdata) {
        Told *told = userdata;

        told->touched++;
        told->family = table->family;
        snprintf(told->name, sizeof(told->name), "%s", table->name);
}

static void on_lost(void *userdata) {
        ((Told *)userdata)->lost++;
}

static void on_foreign(void *userdata) {
        ((Told *)userdata)->foreign++;
}

static const FilterFollower follower = {
        .touched = on_touched,
        .lost = on_lost,
        .foreign = on_foreign,
};

static void begin(Told *told) {
        *told = (Told){ 0 };
        assert_ok(sd_event_new(&told->event));
        assert_int_equal(filter_monitor_new(&told->monitor, told->event, &follower, told), 0);
}

static void end(Told *told) {
        filter_monitor_free(told->monitor);
        sd_event_unref(told->event);
}

/* How often the loop was woken in that time. */
static unsigned run_for(Told *told, uint64_t usec) {
        const uint64_t until = clock_now_usec() + usec;
        unsigned n = 0;

        for (uint64_t now = clock_now_usec(); now < until; now = clock_now_usec())
                n += sd_event_run(told->event, until - now) > 0;
        return n;
}

static void changes_are_told_by_whose_table_it_is(void **state) {
        Told told;

        begin(&told);
        world_run("nft add table inet other");
        run_for(&told, 300 * 1000);
        assert_int_equal(told.foreign, 1);
        assert_int_equal(told.touched, 0);

        world_run("nft add table bridge vnicd-net0");
        run_for(&told, 300 * 1000);
        assert_int_equal(told.foreign, 1);
        assert_true(told.touched > 0);
        assert_int_equal(told.family, FILTER_FAMILY_BRIDGE);
        assert_int_equal(told.family, NFPROTO_BRIDGE);
        assert_string_equal(told.name, "vnicd-net0");
        end(&told);
}

/* Each line is one change; the first sets up what the others change. */
static void every_kind_of_change_is_told(void **state) {
        static const char *const changes[] = {
                "add table inet vnicd-net0",
                "add chain inet vnicd-net0 c { type filter hook input priority 0; }",
                "add rule inet vnicd-net0 c tcp dport 1 drop",
                "add set inet vnicd-net0 s { type ipv4_addr; }",
                "add element inet vnicd-net0 s { 192.0.2.1 }",
                "delete element inet vnicd-net0 s { 192.0.2.1 }",
                "delete set inet vnicd-net0 s",
                "add counter inet vnicd-net0 n",
                "add chain inet vnicd-net0 c { policy drop; }",
                "flush chain inet vnicd-net0 c",
                "add table inet vnicd-net0 { flags dormant; }",
                "delete chain inet vnicd-net0 c",
                "flush ruleset",
        };
        Told told;

        begin(&told);
        for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
                told.touched = 0;
                world_run("nft '%s'", changes[i]);
                filter_monitor_catch_up(told.monitor);
                if (told.touched == 0)
                        fail_msg("untold: %s", changes[i]);
        }
        assert_int_equal(told.foreign, 0);
        end(&told);
}

static void nothing_wakes_it_while_nothing_happens(void **state) {
        Told told;

        begin(&told);
        assert_int_equal(run_for(&told, 500 * 1000), 0);
        world_run("nft add table inet other");
        assert_true(run_for(&told, 300 * 1000) > 0);
        assert_int_equal(run_for(&told, 500 * 1000), 0);
        end(&told);
}

/* 300 foreign transactions, and one of vnicd's, which is the last. */
static void a_storm_of_others_is_told_ten_times_a_second(void **state) {
        const uint64_t begun = clock_now_usec();
        unsigned woken = 0, pauses;
        Told told;

        begin(&told);
        world_run("(for i in $(seq 300); do echo add table inet other$i; done; "
                  "echo add table inet vnicd-net0) | nft -i >/dev/null 2>&1 &");
        while (told.touched == 0 && clock_now_usec() - begun < UINT64_C(30) * 1000 * 1000)
                woken += run_for(&told, 10 * 1000);
        assert_true(told.touched > 0);
        assert_string_equal(world_read("nft list tables | grep -c other"), "300");
        pauses = (unsigned)((clock_now_usec() - begun) / (100 * 1000)) + 1;
        assert_true(told.foreign >= 1);
        assert_true(told.foreign <= pauses);
        assert_true(woken <= 2 * pauses);
        end(&told);
}

static void whoever_cannot_wait_is_told_at_once(void **state) {
        Told told;

        begin(&told);
        world_run("nft add table inet other; nft add table inet vnicd-net0");
        filter_monitor_catch_up(told.monitor);
        assert_true(told.touched > 0);
        assert_int_equal(told.foreign, 1);
        world_run("nft delete table inet other; nft delete table inet vnicd-net0");
        told.touched = 0;
        filter_monitor_catch_up(told.monitor);
        assert_true(told.touched > 0);
        assert_int_equal(told.foreign, 1); /* within 100 ms of the first */
        run_for(&told, 400 * 1000);
        assert_int_equal(told.foreign, 2);
        filter_monitor_catch_up(NULL);
        end(&told);
}

/* 40,000 rules cause more events than the socket holds. */
static void what_is_lost_is_told(void **state) {
        Told told;

        world_needs_the_hosts_root();
        begin(&told);
        world_run("(echo 'table inet other { chain c {'; "
                  "seq -f 'tcp dport %%.0f drop' 40000; echo '} '; echo '}') | nft -f -");
        world_run("nft add table inet vnicd-net0");
        run_for(&told, 500 * 1000);
        assert_true(told.lost > 0);
        assert_true(told.foreign > 0);
        end(&told);
}

#define CASE(name) cmocka_unit_test_setup(name, world_enter)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(changes_are_told_by_whose_table_it_is),
                CASE(every_kind_of_change_is_told),
                CASE(nothing_wakes_it_while_nothing_happens),
                CASE(a_storm_of_others_is_told_ten_times_a_second),
                CASE(whoever_cannot_wait_is_told_at_once),
                CASE(what_is_lost_is_told),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
