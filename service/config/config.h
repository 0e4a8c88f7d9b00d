/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the administrator wrote: how much of the host a user may have, and which bridges he is given
 * or denied without a question. A Config is read once and never changes; names of users and groups
 * are numbers from then on, so that nothing asks NSS afterwards. Half a configuration is none: one
 * bad line, and all of it is refused. vnicd.conf(5) has the format.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/failure.h"
#include "common/quota.h"
#include "config/network-plan.h"

#define CONFIG_DIRECTORY "/etc/vnicd"

typedef struct Config Config;

/* Who is asked about: the uid and all groups the bus vouches for, in any order. A bus may tell no
 * groups. Then the subject may be in any of them: what a group is granted does not count, what any
 * group is denied does. */
typedef struct Subject {
        uid_t uid;
        const gid_t *groups; /* borrowed; may be NULL if there are none */
        size_t n_groups;
        bool groups_unknown; /* the bus does not tell them */
} Subject;

typedef enum BridgeAccess {
        BRIDGE_ASK, /* nothing is said: it is polkit's to decide */
        BRIDGE_GRANTED,
        BRIDGE_DENIED,
        BRIDGE_ACCESS_MAX,
} BridgeAccess;

/* Reads DIRECTORY/vnicd.conf and DIRECTORY/vnicd.conf.d/NAME.conf in the order of their names:
 * later ones win for single values, lists add up; and DIRECTORY/networks/NAME.conf, each of which
 * defines a network. None needs to exist. May be called in a thread:
 * touches nothing shared, reads files and asks NSS for the names of users and groups.
 * InvalidConfiguration (-EINVAL): file, line and reason. -ENOMEM. */
int config_load(Config **ret, const char *directory, Failure *failure);

/* Takes NULL. Returns NULL. */
Config *config_free(Config *config);

/* What this user may have, root too. */
Limits config_limits(const Config *config, const Subject *subject);

/* How many ports a bridge may have before ours are refused. */
unsigned config_ports_per_bridge(const Config *config);

/* Whether the ports of taps that are made from now on have BPDU guard. */
bool config_bpdu_guard(const Config *config);

/* Whether endpoints that have lost their bridge are put back on one of that name. */
bool config_rejoins_bridges(const Config *config);

/* Whether the subject's guests may take over a MAC that the bridge has learnt behind a port that is
 * not of vnicd. Root's always may. */
bool config_allows_learnt_macs(const Config *config, const Subject *subject, const char *bridge);

/* bridge: a name, or "-" for no bridge. Root is always granted. */
BridgeAccess config_bridge_access(const Config *config, const Subject *subject, const char *bridge);

/* Whether any section is about a group: whether it matters which ones a subject is in. */
bool config_knows_groups(const Config *config);

/* The network that is defined by that name; NULL: none. Addresses that are to be chosen are not
 * yet. */
const NetworkPlan *config_network(const Config *config, const char *name);

/* The i-th one, from 0, in the order of their names; NULL: there are no more. */
const NetworkPlan *config_network_at(const Config *config, size_t i);
