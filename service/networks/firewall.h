/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the packet filters of others do with what a network lives by: guests ask the host's DHCP and
 * DNS server, packets go out and answers come back, and frames cross bridges. Nothing is done
 * against a firewall: it is the administrator's, who is told.
 *
 * To look takes time and reads the host's filters and routes: it is done off the loop, with sockets
 * of its own.
 */

#include "config/network-plan.h"
#include "kernel/packet-fate.h"

typedef enum FirewallMatter {
        FIREWALL_DHCP,   /* a guest asks for an address */
        FIREWALL_DNS,    /* it asks for a name */
        FIREWALL_EGRESS, /* it speaks to somebody outside, and is answered */
        FIREWALL_MATTER_MAX,
} FirewallMatter;

/* One network: what is asked about, and what was found. */
typedef struct FirewallNetwork {
        NetworkPlan plan;
        int ifindex;                     /* of its bridge */
        char bridge[IFNAMSIZ];           /* the name that its bridge has now, which is found */
        Fate fates[FIREWALL_MATTER_MAX]; /* accepted, too, where the network does without */
} FirewallNetwork;

/* What happens to the frames that cross a bridge where br_netfilter shows them to filters of IP. */
typedef struct FirewallBridge {
        int ifindex;
        Fate v4, v6;
} FirewallBridge;

typedef struct FirewallLook {
        FirewallNetwork *networks; /* whoever looks says which */
        size_t n_networks;
        FirewallBridge *bridges; /* whose frames are not all accepted; all others are */
        size_t n_bridges, room;
} FirewallLook;

/* Nothing is found where the kernel has no nf_tables. -ENOMEM, -errno of the kernel: what was found
 * is no good. */
int firewall_look(FirewallLook *look, Failure *failure);

void firewall_look_done(FirewallLook *look);

#define FIREWALL_SENTENCE_SIZE (FATE_CHAIN_SIZE + 256)

/* What is to be said to people of what is dropped, into buffer, which it returns. name: of the
 * bridge. */
const char *firewall_sentence(FirewallMatter matter, const Fate *fate, const char *name,
                char buffer[static FIREWALL_SENTENCE_SIZE]);
const char *firewall_bridge_sentence(
                const Fate *fate, const char *name, char buffer[static FIREWALL_SENTENCE_SIZE]);
