/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the firewalls of others are looked at (networks/firewall), and what becomes of what was
 * found: it is kept with the networks, and whoever shows their warnings is told when it has become
 * another.
 *
 * One look is under way at a time, in a thread. Whoever asks for one meanwhile, or too soon after
 * the last one, gets one look later: so a storm of changes costs a bounded share of a processor,
 * however large the rulesets are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "taps/manager-private.h"

/* Between the ends and beginnings of two looks, at least and at most; and how many times the
 * processor's time that the last one took. */
#define PAUSE_USEC     (100 * 1000)
#define PAUSE_USEC_MAX (60 * 1000 * 1000)
#define PAUSE_FACTOR   30

typedef struct Look {
        CloserJob job;
        Manager *manager;
        FirewallLook look;
        Failure failure;
        int result;
        uint64_t usec; /* of a processor */
} Look;

static void look_free(Look *look) {
        firewall_look_done(&look->look);
        free(look);
}

DEFINE_CLEANUP(Look, look_free)

/* In a thread. */
static void run(CloserJob *job) {
        Look *look = container_of(job, Look, job);
        const uint64_t before = clock_thread_usec();

        look->result = firewall_look(&look->look, &look->failure);
        look->usec = clock_thread_usec() - before;
}

/* Which warning is of which matter. */
static const NetworkWarning warnings[FIREWALL_MATTER_MAX] = {
        [FIREWALL_DHCP] = NETWORK_WARNING_DHCP,
        [FIREWALL_DNS] = NETWORK_WARNING_DNS,
        [FIREWALL_WAY_OUT] = NETWORK_WARNING_FIREWALL,
};

static bool is_undecided_otherwise(const Fate *before, const Fate *now) {
        return (before->outcome == FATE_UNDECIDED) != (now->outcome == FATE_UNDECIDED) ||
                        (now->outcome == FATE_UNDECIDED && strcmp(before->chain, now->chain) != 0);
}

static void take_fates(Manager *manager, const FirewallNetwork *found) {
        Network *network = manager_network_at(manager, found->ifindex);
        char words[FIREWALL_SENTENCE_SIZE];
        bool undecided = false;

        if (!network || network->doomed)
                return;
        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++) {
                const Fate *fate = &found->fates[i];

                undecided = undecided || is_undecided_otherwise(&network->fates[i], fate);
                network->fates[i] = *fate;
        }
        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++)
                manager_warn_network(manager, network, warnings[i],
                                found->fates[i].outcome == FATE_DROPPED
                                                ? firewall_sentence(i, &found->fates[i],
                                                                  found->bridge, words)
                                                : NULL);
        if (undecided && network->born && manager->observer)
                manager->observer->network_warned(network, manager->userdata);
}

static void take_bridges(Manager *manager, FirewallLook *look) {
        free(manager->firewall.bridges);
        manager->firewall.bridges = TAKE_PTR(look->bridges);
        manager->firewall.n_bridges = look->n_bridges;
}

/* It is kept with the bridges: so what is shown of the network now is compared with what was told
 * last. */
static void tell_crossing(Manager *manager, Network *network) {
        char bridge[IFNAMSIZ];
        Fate now;

        manager_bridge_name(manager, network, bridge);
        now = manager_fate_of_crossing(manager, network->ifindex, bridge);
        if (now.outcome == network->crossing.outcome &&
                        strcmp(now.chain, network->crossing.chain) == 0)
                return;
        network->crossing = now;
        if (network->born && !network->doomed && manager->observer)
                manager->observer->network_warned(network, manager->userdata);
}

/* What was found before stands. */
static void say_failure(Manager *manager, const Look *look) {
        if (!manager->firewall.failed)
                log_warning("Cannot look at the firewalls of this host: %s",
                                look->failure.kind != FAILURE_NONE ? look->failure.text
                                                                   : strerror(-look->result));
}

static void pause_before_next(Manager *manager, uint64_t usec) {
        uint64_t pause = usec * PAUSE_FACTOR;

        pause = pause < PAUSE_USEC ? PAUSE_USEC : pause > PAUSE_USEC_MAX ? PAUSE_USEC_MAX : pause;
        manager->firewall.is_paused =
                        sd_event_source_set_time_relative(manager->firewall.pause, pause) >= 0 &&
                        sd_event_source_set_enabled(manager->firewall.pause, SD_EVENT_ONESHOT) >= 0;
}

static void done(CloserJob *job) {
        _cleanup_(look_freep) Look *look = container_of(job, Look, job);
        Manager *manager = look->manager;

        manager->firewall.is_under_way = false;
        if (look->result < 0)
                say_failure(manager, look);
        manager->firewall.failed = look->result < 0;
        if (look->result >= 0) {
                for (size_t i = 0; i < look->look.n_networks; i++)
                        take_fates(manager, &look->look.networks[i]);
                take_bridges(manager, &look->look);
                LIST_FOREACH(&manager->networks, node)
                        tell_crossing(manager, container_of(node, Network, link));
        }
        if (!manager->firewall.is_stopped)
                pause_before_next(manager, look->usec);
        if (manager->firewall.is_wanted && !manager->firewall.is_paused)
                manager_look_at_firewalls(manager);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *manager = userdata;

        manager->firewall.is_paused = false;
        if (manager->firewall.is_wanted)
                manager_look_at_firewalls(manager);
        return 0;
}

static int open_pause(Manager *manager) {
        int r;

        if (manager->firewall.pause)
                return 0;
        r = sd_event_add_time(manager->event, &manager->firewall.pause, CLOCK_MONOTONIC, UINT64_MAX,
                        1, on_pause_over, manager);
        return r < 0 ? r : sd_event_source_set_enabled(manager->firewall.pause, SD_EVENT_OFF);
}

static int add_networks(Manager *manager, FirewallLook *look) {
        size_t n = 0;

        LIST_FOREACH(&manager->networks, node)
                n++;
        look->networks = calloc(n + 1, sizeof(*look->networks));
        if (!look->networks)
                return -ENOMEM;
        LIST_FOREACH(&manager->networks, node) {
                const Network *network = container_of(node, Network, link);

                if (!network->doomed)
                        look->networks[look->n_networks++] = (FirewallNetwork){
                                .plan = network->tag.plan,
                                .ifindex = network->ifindex,
                        };
        }
        return 0;
}

static int begin(Manager *manager) {
        _cleanup_(look_freep) Look *look = calloc(1, sizeof(Look));
        int r;

        if (!look)
                return -ENOMEM;
        r = open_pause(manager);
        if (r >= 0)
                r = add_networks(manager, &look->look);
        if (r < 0)
                return r;
        look->job = (CloserJob){ .run = run, .done = done };
        look->manager = manager;
        manager->firewall.is_wanted = false;
        manager->firewall.is_under_way = true;
        closer_submit(manager->closer, &look->job);
        (void)TAKE_PTR(look);
        return 0;
}

void manager_look_at_firewalls(Manager *manager) {
        int r;

        if (manager->firewall.is_stopped)
                return;
        manager->firewall.is_wanted = true;
        if (manager->firewall.is_under_way || manager->firewall.is_paused)
                return;
        r = begin(manager);
        if (r < 0)
                log_warning("Cannot look at the firewalls of this host: %s", strerror(-r));
}

void manager_see_bridge(Manager *manager, int ifindex) {
        if (ifindex <= manager->firewall.newest_bridge)
                return;
        manager->firewall.newest_bridge = ifindex;
        manager_look_at_firewalls(manager);
}

void manager_stop_looking_at_firewalls(Manager *manager) {
        manager->firewall.is_stopped = true;
        manager->firewall.pause = sd_event_source_disable_unref(manager->firewall.pause);
}

void manager_forget_firewalls(Manager *manager) {
        free(manager->firewall.bridges);
        manager->firewall.bridges = NULL;
        manager->firewall.n_bridges = 0;
}

Fate manager_fate_of_crossing(const Manager *manager, int ifindex, const char *name) {
        Fate fate = { .outcome = FATE_ACCEPTED };

        for (size_t i = 0; i < manager->firewall.n_bridges; i++) {
                const FirewallBridge *bridge = &manager->firewall.bridges[i];

                if (bridge->ifindex != ifindex)
                        continue;
                if (bridge_is_filtered(name, AF_INET))
                        fate = bridge->v4;
                if (bridge->v6.outcome > fate.outcome && bridge_is_filtered(name, AF_INET6))
                        fate = bridge->v6;
        }
        return fate;
}
