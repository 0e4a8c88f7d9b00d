/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A packet that may come, as the hooks "input" and "forward" of netfilter would see it. Nothing is
 * sent: it is what is asked about filters (kernel/packet-fate). What is not said of it is not
 * known.
 */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "kernel/known.h"

/* Where it comes in or goes out. ifindex 0: it is not known where. */
typedef struct PacketDevice {
        int ifindex;
        char name[IFNAMSIZ];
        char kind[16]; /* of the link; "": not known */
        uint32_t group;
} PacketDevice;

typedef enum PacketHook {
        PACKET_INPUT, /* for the host: it goes out nowhere */
        PACKET_FORWARD,
        PACKET_HOOK_MAX,
} PacketHook;

/* Port 0: not known. */
typedef struct Packet {
        PacketHook hook;
        int family; /* AF_INET or AF_INET6 */
        PacketDevice in, out;
        uint8_t protocol;        /* IPPROTO_TCP or IPPROTO_UDP */
        Known header, transport; /* of IP, from its first byte; and of what follows */
        bool is_answer;          /* as packet_set_turn() says; else it is the first one */
        bool is_bridged;         /* a frame that crosses the bridge "in", shown by br_netfilter */
        bool is_broadcast;       /* it is sent to all, and not to the host's own address */
} Packet;

/* Which one of its connection it is. */
typedef enum PacketTurn {
        PACKET_FIRST,
        PACKET_FIRST_ANSWER,
        PACKET_LATER_ANSWER, /* of those that neither open nor end it */
        PACKET_TURN_MAX,
} PacketTurn;

/* Nothing is known but these, and that it is the first of its connection. */
void packet_init(Packet *packet, PacketHook hook, int family, uint8_t protocol);

/* TCP says by its flags which one it is. */
void packet_set_turn(Packet *packet, PacketTurn turn);

/* Only the first bits of the address are known. Addresses are as in the header: 4 or 16 bytes. */
void packet_set_source(Packet *packet, const void *address, unsigned bits);
void packet_set_target(Packet *packet, const void *address, unsigned bits);

void packet_set_source_port(Packet *packet, uint16_t port);
void packet_set_target_port(Packet *packet, uint16_t port);

/* Of the target, as a routing table would say it (RTN_* of linux/rtnetlink.h). -1: not known. */
int packet_target_type(const Packet *packet);
int packet_source_type(const Packet *packet);

/* Bits of IPS_* that are known of its connection, and which of them are set. */
typedef struct PacketStatus {
        uint32_t known, value;
} PacketStatus;

PacketStatus packet_status(const Packet *packet);
