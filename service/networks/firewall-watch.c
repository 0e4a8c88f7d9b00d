/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides when the firewalls of others are looked at (networks/firewall), and keeps what was found
 * with the networks: whoever shows their warnings is told when it has changed.
 *
 * One look is under way at a time, in a thread. Whoever asks for one meanwhile, or too soon after
 * the last one, gets one look later, when it has rested (common/debounce): so a storm of changes
 * costs a bounded share of a processor, however large the rulesets are.
 */
#include "networks/firewall-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "kernel/bridge.h"
#include "networks/networks-list.h"
#include "networks/networks-private.h"

typedef struct Look {
        WorkersJob job;
        Networks *networks;
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
static void run(WorkersJob *job) {
        Look *look = container_of(job, Look, job);
        const uint64_t before = clock_thread_usec();

        look->result = firewall_look(&look->look, &look->failure);
        look->usec = clock_thread_usec() - before;
}

/* The warning that belongs to each matter. */
static const NetworkWarning warnings[FIREWALL_MATTER_MAX] = {
        [FIREWALL_DHCP] = NETWORK_WARNING_DHCP,
        [FIREWALL_DNS] = NETWORK_WARNING_DNS,
        [FIREWALL_EGRESS] = NETWORK_WARNING_FIREWALL,
};

static bool is_undecided_otherwise(const Fate *before, const Fate *now) {
        return (before->outcome == FATE_UNDECIDED) != (now->outcome == FATE_UNDECIDED) ||
                        (now->outcome == FATE_UNDECIDED && strcmp(before->chain, now->chain) != 0);
}

static void take_fates(Networks *networks, const FirewallNetwork *found) {
        Network *network = networks_at(networks, found->ifindex);
        char words[FIREWALL_SENTENCE_SIZE];
        bool undecided = false;

        if (!network || network_is_ending(network))
                return;
        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++) {
                const Fate *fate = &found->fates[i];

                undecided = undecided || is_undecided_otherwise(&network->fates[i], fate);
                network->fates[i] = *fate;
        }
        for (size_t i = 0; i < FIREWALL_MATTER_MAX; i++)
                networks_warn(networks, network, warnings[i],
                                found->fates[i].outcome == FATE_DROPPED
                                                ? firewall_sentence(i, &found->fates[i],
                                                                  found->bridge, words)
                                                : NULL);
        if (undecided)
                networks_tell_warned(networks, network);
}

static void take_bridges(Networks *networks, FirewallLook *look) {
        free(networks->firewall.bridges);
        networks->firewall.bridges = TAKE_PTR(look->bridges);
        networks->firewall.n_bridges = look->n_bridges;
}

const char *networks_bridge_name(
                Networks *networks, const Network *network, char buffer[static IFNAMSIZ]) {
        return link_name(networks->netlink, network->ifindex, buffer);
}

/* This is kept with the bridges, so what is shown of the network now is compared with what was last
 * reported. */
static void tell_crossing(Networks *networks, Network *network) {
        char bridge[IFNAMSIZ];
        Fate now;

        networks_bridge_name(networks, network, bridge);
        now = networks_fate_of_crossing(networks, network->ifindex, bridge);
        if (now.outcome == network->crossing.outcome &&
                        strcmp(now.chain, network->crossing.chain) == 0)
                return;
        network->crossing = now;
        networks_tell_warned(networks, network);
}

/* What was found before stays valid. */
static void say_failure(Networks *networks, const Look *look) {
        if (!networks->firewall.failed)
                log_warning("Cannot look at the firewalls of this host: %s",
                                look->failure.kind != FAILURE_NONE ? look->failure.text
                                                                   : strerror(-look->result));
}

static void done(WorkersJob *job) {
        _cleanup_(look_freep) Look *look = container_of(job, Look, job);
        Networks *networks = look->networks;
        const FirewallWatchState state = networks->firewall.state;

        if (look->result < 0)
                say_failure(networks, look);
        networks->firewall.failed = look->result < 0;
        if (look->result >= 0) {
                for (size_t i = 0; i < look->look.n_networks; i++)
                        take_fates(networks, &look->look.networks[i]);
                take_bridges(networks, &look->look);
                LIST_FOREACH(&networks->list, node)
                        tell_crossing(networks, container_of(node, Network, link));
        }
        if (state == FIREWALL_WATCH_STOPPED)
                return;
        debounce_rest(networks->firewall.look, look->usec);
        networks->firewall.state = FIREWALL_WATCH_IDLE;
        if (state == FIREWALL_WATCH_LOOKING_OUTDATED)
                networks_check_firewalls(networks);
}

static int add_networks(Networks *networks, FirewallLook *look) {
        size_t n = 0;

        LIST_FOREACH(&networks->list, node)
                n++;
        look->networks = calloc(n + 1, sizeof(*look->networks));
        if (!look->networks)
                return -ENOMEM;
        LIST_FOREACH(&networks->list, node) {
                const Network *network = container_of(node, Network, link);

                if (!network_is_ending(network))
                        look->networks[look->n_networks++] = (FirewallNetwork){
                                .plan = network->tag.plan,
                                .ifindex = network->ifindex,
                        };
        }
        return 0;
}

static int begin(Networks *networks) {
        _cleanup_(look_freep) Look *look = calloc(1, sizeof(Look));
        int r = look ? add_networks(networks, &look->look) : -ENOMEM;

        if (r < 0)
                return r;
        look->job = (WorkersJob){ .run = run, .done = done };
        look->networks = networks;
        networks->firewall.state = FIREWALL_WATCH_LOOKING;
        workers_submit(networks->workers, &look->job);
        (void)TAKE_PTR(look);
        return 0;
}

static void on_due(void *userdata) {
        int r = begin(userdata);

        if (r < 0)
                log_warning("Cannot look at the firewalls of this host: %s", strerror(-r));
}

static void look_soon(Networks *networks) {
        int r = networks->firewall.look
                        ? 0
                        : debounce_new(&networks->firewall.look, networks->event, on_due, networks);

        if (r < 0)
                log_warning("Cannot look at the firewalls of this host: %s", strerror(-r));
        else
                debounce_soon(networks->firewall.look);
}

void networks_check_firewalls(Networks *networks) {
        switch (networks->firewall.state) {
        case FIREWALL_WATCH_IDLE:
                look_soon(networks);
                break;
        case FIREWALL_WATCH_LOOKING:
                networks->firewall.state = FIREWALL_WATCH_LOOKING_OUTDATED;
                break;
        case FIREWALL_WATCH_LOOKING_OUTDATED:
        case FIREWALL_WATCH_STOPPED:
                break;
        }
}

void networks_see_bridge(Networks *networks, int ifindex) {
        if (ifindex <= networks->firewall.newest_bridge)
                return;
        networks->firewall.newest_bridge = ifindex;
        networks_check_firewalls(networks);
}

void networks_stop_checking_firewalls(Networks *networks) {
        networks->firewall.state = FIREWALL_WATCH_STOPPED;
        networks->firewall.look = debounce_free(networks->firewall.look);
}

void networks_forget_firewalls(Networks *networks) {
        networks->firewall.look = debounce_free(networks->firewall.look);
        free(networks->firewall.bridges);
        networks->firewall.bridges = NULL;
        networks->firewall.n_bridges = 0;
}

Fate networks_fate_of_crossing(const Networks *networks, int ifindex, const char *name) {
        Fate fate = { .outcome = FATE_ACCEPTED };

        for (size_t i = 0; i < networks->firewall.n_bridges; i++) {
                const FirewallBridge *bridge = &networks->firewall.bridges[i];

                if (bridge->ifindex != ifindex)
                        continue;
                if (bridge_is_filtered(name, AF_INET))
                        fate = bridge->v4;
                if (bridge->v6.outcome > fate.outcome && bridge_is_filtered(name, AF_INET6))
                        fate = bridge->v6;
        }
        return fate;
}
