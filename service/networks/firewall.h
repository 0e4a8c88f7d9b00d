/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the packet filters of others do with the traffic that a network depends on: guests ask the
 * host's DHCP and DNS server, packets leave and answers come back, and frames cross bridges.
 * Nothing is done against a firewall: it is the administrator's, who is warned.
 *
 * A look takes time, and reads the host's filters and routes, so it is done off the loop, with
 * sockets of its own.
 */

#include "config/network-plan.h"
#include "kernel/packet-fate.h"

typedef enum FirewallMatter {
        FIREWALL_DHCP,   /* a guest asks for an address */
        FIREWALL_DNS,    /* it asks for a name */
        FIREWALL_EGRESS, /* it talks to somebody outside, and is answered */
        FIREWALL_MATTER_MAX,
} FirewallMatter;

/* One network: what to look at, and what was found. */
typedef struct FirewallNetwork {
        NetworkPlan plan;
        int ifindex;                     /* of its bridge */
        char bridge[IFNAMSIZ];           /* the present name of its bridge, which is found */
        Fate fates[FIREWALL_MATTER_MAX]; /* ACCEPTED where the network does not need it */
} FirewallNetwork;

/* What happens to frames that cross a bridge, where br_netfilter shows them to IP filters. */
typedef struct FirewallBridge {
        int ifindex;
        Fate v4, v6;
} FirewallBridge;

typedef struct FirewallLook {
        FirewallNetwork *networks; /* set by the caller */
        size_t n_networks;
        FirewallBridge *bridges; /* only those whose frames are not all accepted */
        size_t n_bridges, room;
} FirewallLook;

/* A kernel without nf_tables has nothing to find. -ENOMEM, -errno of the kernel: what was found is
 * not valid. */
int firewall_look(FirewallLook *look, Failure *failure);

void firewall_look_done(FirewallLook *look);

#define FIREWALL_SENTENCE_SIZE (FATE_CHAIN_SIZE + 256)

/* Writes the warning about what is dropped to buffer, and returns that. name: of the bridge. */
const char *firewall_sentence(FirewallMatter matter, const Fate *fate, const char *name,
                char buffer[static FIREWALL_SENTENCE_SIZE]);
const char *firewall_bridge_sentence(
                const Fate *fate, const char *name, char buffer[static FIREWALL_SENTENCE_SIZE]);
