/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

#include <limits.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"
#include "common/ifname.h"
#include "taps/tap-creation.h"
#include "testing.h"
#include "world.h"

void waiter_gone(RemovalWaiter *watch, int error) {
        Waiter *waiter = container_of(watch, Waiter, watch);

        waiter->told++;
        waiter->error = error;
}

static void on_appeared(const Endpoint *endpoint, void *userdata) {
        Stage *stage = userdata;

        stage->appeared++;
        stage->last_nonce = endpoint->tag.nonce;
}

static void on_changed(const Endpoint *endpoint, unsigned changes, void *userdata) {
        Stage *stage = userdata;

        stage->changed++;
        stage->changes |= changes;
}

static void on_leaving(const Endpoint *endpoint, void *userdata) {
        Stage *stage = userdata;

        /* Still to be found, says the contract. */
        assert_ptr_equal(manager_find(stage->manager, endpoint->tag.nonce), endpoint);
        stage->leaving++;
        stage->end = endpoint->end;
        stage->last_nonce = endpoint->tag.nonce;
}

static void on_tampered(const Endpoint *endpoint, bool deleted, const char *why, void *userdata) {
        Stage *stage = userdata;

        stage->tampered++;
        stage->deleted += deleted;
}

static void on_network_appeared(Network *network, void *userdata) {
        Stage *stage = userdata;

        stage->networks_appeared++;
}

static void on_capabilities_changed(void *userdata) {
}

static void on_network_leaving(Network *network, void *userdata) {
        Stage *stage = userdata;

        stage->networks_leaving++;
}

static void on_network_warned(Network *network, void *userdata) {
        Stage *stage = userdata;

        stage->networks_warned++;
}

static void on_network_shared(Network *network, void *userdata) {
}

/* Links that have the name of a new tap. */
static unsigned count_taps(void) {
        struct if_nameindex *all = if_nameindex();
        unsigned n = 0;

        assert_non_null(all);
        for (size_t i = 0; all[i].if_index != 0; i++)
                n += ifname_parse_nonce(all[i].if_name, &(uint32_t){ 0 }) >= 0;
        if_freenameindex(all);
        return n;
}

static void on_bridges_changed(void *userdata) {
        ((Stage *)userdata)->bridges_changed++;
}

static void on_rerouted(void *userdata) {
        ((Stage *)userdata)->rerouted++;
}

/* A manager tries on a tap what the host offers, and has threads delete it: no case should meet
 * that tap. The loop does not run meanwhile. */
static void await_taps(unsigned n) {
        const struct timespec moment = { .tv_nsec = 1000 * 1000 };
        const uint64_t end = stage_patience();

        while (count_taps() > n) {
                if (clock_now_usec() > end)
                        fail_msg("the tap on which something was tried stays");
                nanosleep(&moment, NULL);
        }
}

static void start(Stage *stage) {
        static const ManagerObserver observer = {
                .appeared = on_appeared,
                .changed = on_changed,
                .leaving = on_leaving,
                .tampered = on_tampered,
                .capabilities_changed = on_capabilities_changed,
                .bridges_changed = on_bridges_changed,
        };

        static const NetworksObserver networks_observer = {
                .appeared = on_network_appeared,
                .leaving = on_network_leaving,
                .warned = on_network_warned,
                .shared = on_network_shared,
                .rerouted = on_rerouted,
        };
        const unsigned taps = count_taps();

        assert_int_equal(manager_new(&stage->manager, stage->event, &observer, stage), 0);
        networks_observe(manager_networks(stage->manager), &networks_observer, stage);
        await_taps(taps);
}

void stage_enter(Stage *stage) {
        *stage = (Stage){ 0 };
        assert_ok(sd_event_new(&stage->event));
        start(stage);
}

void stage_restart(Stage *stage) {
        stage->manager = manager_free(stage->manager);
        start(stage);
}

void stage_leave(Stage *stage) {
        assert_null(manager_free(stage->manager));
        sd_event_unref(stage->event);
}

void stage_run(Stage *stage, unsigned quiet_msec) {
        int r;

        do {
                r = sd_event_run(stage->event, (uint64_t)quiet_msec * 1000);
                assert_ok(r);
        } while (r > 0);
}

unsigned stage_count_fds(Stage *stage) {
        unsigned least = UINT_MAX;

        for (int i = 0; i < 5; i++) {
                unsigned n;

                stage_run(stage, 50);
                n = world_count_fds();
                least = n < least ? n : least;
        }
        return least;
}

uint64_t stage_patience(void) {
        return clock_now_usec() + 10 * USEC_PER_SEC;
}

bool stage_run_for_a_moment(Stage *stage, uint64_t end) {
        assert_ok(sd_event_run(stage->event, 10 * 1000));
        return clock_now_usec() < end;
}

void stage_run_until_left(Stage *stage, unsigned leaving) {
        stage_await(stage, stage->leaving >= leaving);
        assert_int_equal(stage->leaving, leaving);
}

TapRequest stage_request(void) {
        TapRequest request = TAP_REQUEST_INIT;

        assert_int_equal(tap_request_set_bridge(&request, "br0", NULL), 0);
        assert_int_equal(tap_request_complete(&request, 2, NULL), 0);
        return request;
}

Endpoint *stage_create(Stage *stage, const TapRequest *request, FdSet *ret_queues) {
        Failure failure = FAILURE_INIT;
        Endpoint *endpoint = NULL;
        Placement place;

        if (placement_check(stage->manager, request, CLIENT(1000, NULL), &place, &(List *){ NULL },
                            &failure) != PLACEMENT_OK)
                fail_msg("look: %s", failure.text);
        if (manager_create_tap(stage->manager, request, CLIENT(1000, ":1.5"), &place, ret_queues,
                            &endpoint, &failure) < 0)
                fail_msg("create: %s", failure.text);
        manager_announce(stage->manager, endpoint);
        return endpoint;
}

unsigned stage_count_endpoints(Stage *stage) {
        Endpoint *endpoint = NULL;
        unsigned n = 0;

        while ((endpoint = manager_next(stage->manager, endpoint)))
                n++;
        return n;
}

bool stage_owes_nothing(Stage *stage, uid_t uid) {
        return quota_check(stage->manager->quota, uid, &LIMITS_DEFAULT, LIMITS_DEFAULT.endpoints,
                               LIMITS_DEFAULT.queues, NULL) == 0;
}

int stage_events_fd(void) {
        for (int fd = 3; fd < 1024; fd++) {
                struct sockaddr_nl address = { 0 };
                socklen_t size = sizeof(address);

                if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
                                address.nl_family == AF_NETLINK &&
                                (address.nl_groups & RTMGRP_LINK) != 0)
                        return fd;
        }
        fail_msg("no socket of events");
        return -1;
}
