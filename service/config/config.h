/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration: how much of the host users may use, which bridges they are granted or denied
 * without asking polkit, and which networks are defined. A Config is immutable. It holds users and
 * groups as numbers, so that NSS is needed only while it is loaded. A configuration is loaded whole
 * or not at all: a single bad line makes all of it invalid. vnicd.conf(5) describes the format.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/failure.h"
#include "common/quota.h"
#include "config/network-plan.h"

#define CONFIG_DIRECTORY "/etc/vnicd"

typedef struct Config Config;

/* A user, with all groups that the bus reports, in any order. A bus may report none. Then the user
 * may be in any group, so grants to groups do not apply, and denials of any group do. */
typedef struct Subject {
        uid_t uid;
        const gid_t *groups; /* borrowed; may be NULL if n_groups is 0 */
        size_t n_groups;
        bool groups_unknown; /* the bus does not report them */
} Subject;

typedef enum BridgeAccess {
        BRIDGE_ASK, /* not configured: polkit decides */
        BRIDGE_GRANTED,
        BRIDGE_DENIED,
        BRIDGE_ACCESS_MAX,
} BridgeAccess;

/* Reads DIRECTORY/vnicd.conf, then DIRECTORY/vnicd.conf.d/NAME.conf in the order of their names
 * (later files override single values, lists add up), and DIRECTORY/networks/NAME.conf, each of
 * which defines a network. None has to exist. Call it in a thread: it reads files and asks NSS, and
 * touches nothing shared. InvalidConfiguration (-EINVAL): file, line and reason. -ENOMEM. */
int config_load(Config **ret, const char *directory, Failure *failure);

/* Takes NULL. Returns NULL. */
Config *config_free(Config *config);

/* A number that differs, in all likelihood, if anything in the files does. */
uint64_t config_digest(const Config *config);

/* The limits of this user; root has limits too. */
Limits config_limits(const Config *config, const Subject *subject);

/* How many ports a bridge may have; no tap is added to one that has as many. */
unsigned config_ports_per_bridge(const Config *config);

/* Whether the ports of new taps have BPDU guard. */
bool config_bpdu_guard(const Config *config);

/* Whether endpoints whose bridge is gone are moved to a new bridge of the same name. */
bool config_rejoins_bridges(const Config *config);

/* Whether guests of the subject may take over a MAC that the bridge has learnt at a port that is
 * not vnicd's. Those of root always may. */
bool config_allows_learnt_macs(const Config *config, const Subject *subject, const char *bridge);

/* bridge is a name, or "-" for no bridge. Root is always granted access. */
BridgeAccess config_bridge_access(const Config *config, const Subject *subject, const char *bridge);

/* Whether any section is about a group. If not, the groups of a subject do not matter. */
bool config_knows_groups(const Config *config);

/* The definition of the network, without addresses that the service is to choose. NULL: there is
 * none. */
const NetworkPlan *config_network(const Config *config, const char *name);

/* The lines Host= of that definition. NULL: there is none. */
const NetworkHosts *config_network_hosts(const Config *config, const char *name);

/* The i-th definition, from 0, in the order of names. NULL: there are no more. */
const NetworkPlan *config_network_at(const Config *config, size_t i);
