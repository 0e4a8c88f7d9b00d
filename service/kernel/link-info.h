/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the kernel says about one link. */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/mac.h"

#define LINK_ALIAS_SIZE 256

/* What a bridge port does with frames (IFLA_BRPORT_STATE, BR_STATE_* of linux/if_bridge.h). Without
 * the spanning tree protocol a port forwards as soon as it is up; with it, it listens and learns
 * first. */
typedef enum LinkPortState {
        LINK_PORT_DISABLED, /* it or its bridge is down, it has no carrier, or BPDU guard has
                               disabled it */
        LINK_PORT_LISTENING,
        LINK_PORT_LEARNING,
        LINK_PORT_FORWARDING,
        LINK_PORT_BLOCKING,
} LinkPortState;

/* Flags of a bridge port (IFLA_BRPORT_*), and the state that results. */
typedef struct LinkPort {
        bool isolated, locked, learning;
        bool root_block;         /* nothing behind it may become the root of the spanning tree */
        bool bpdu_guard;         /* the first BPDU that arrives on it disables it */
        uint16_t group_fwd_mask; /* bit n: it forwards frames to 01:80:c2:00:00:0n */
        LinkPortState state;     /* reported, never set */
} LinkPort;

static inline bool link_port_forwards(const LinkPort *port) {
        return port->state == LINK_PORT_FORWARDING;
}

/* VLANs of a bridge port, as the kernel reports them: ranges, in ascending order. */
#define PORT_VLANS_MAX 64

typedef struct PortVlans {
        struct {
                uint16_t first, last;
        } ranges[PORT_VLANS_MAX];
        size_t n;
} PortVlans;

/* What a tun device says about itself (IFLA_TUN_*). */
typedef struct LinkTun {
        bool tap, vnet_hdr, multiqueue, persistent;
        bool owned; /* has an owner: then owner is valid */
        uid_t owner;
        /* Queues that are attached, and queues that their holder has detached. The kernel does not
         * count the queue of a single-queue tap: one that is not persistent always has it, a
         * persistent one while there is a carrier. */
        uint32_t queues, queues_disabled;
        /* Its last queue was closed and it is not persistent, so it has no carrier and is down: the
         * kernel is about to delete it. */
        bool closed;
} LinkTun;

/* All queues; saturates. */
static inline uint32_t link_tun_queues(const LinkTun *tun) {
        uint32_t sum = tun->queues + tun->queues_disabled;

        return sum < tun->queues ? UINT32_MAX : sum;
}

typedef struct LinkInfo {
        int ifindex;
        char name[IFNAMSIZ];
        char kind[16]; /* "tun", "bridge", …; "" if the kernel tells none */
        char alias[LINK_ALIAS_SIZE];
        Mac mac;
        uint32_t mtu, tx_queues;
        unsigned flags;      /* IFF_* */
        uint32_t group;      /* by which packet filters and mass deletions identify it */
        int master;          /* ifindex; 0: none */
        bool is_bridge_port; /* its master is a bridge, and not a VRF or a switch of another kind */
        LinkPort port;       /* valid on a bridge port */
        uint16_t vlan; /* of a bridge that filters VLANs: the VLAN of new ports; 0: it filters none
                        */
        const PortVlans *
                        vlans; /* with LINK_PORT_IS_NEW only (kernel/link-events); NULL: not told */
        LinkTun tun;           /* valid for kind "tun" */
} LinkInfo;
