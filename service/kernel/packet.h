/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A hypothetical packet, as the netfilter hooks "input" and "forward" would see it. Nothing is
 * sent: kernel/packet-fate finds out what filters would do with it. Whatever is not set is unknown.
 */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "kernel/known.h"

/* Where it comes in or goes out. ifindex 0: unknown. */
typedef struct PacketDevice {
        int ifindex;
        char name[IFNAMSIZ];
        char kind[16]; /* of the link; "": not known */
        uint32_t group;
} PacketDevice;

typedef enum PacketHook {
        PACKET_INPUT, /* for the host: it has no output device */
        PACKET_FORWARD,
        PACKET_HOOK_MAX,
} PacketHook;

/* Port 0: unknown. */
typedef struct Packet {
        PacketHook hook;
        int family; /* AF_INET or AF_INET6 */
        PacketDevice in, out;
        uint8_t protocol;        /* IPPROTO_TCP or IPPROTO_UDP */
        Known header, transport; /* the IP header, and the one that follows it */
        bool is_answer;          /* set by packet_set_turn(); otherwise it is the first one */
        bool is_bridged;         /* a frame that crosses the bridge "in", shown by br_netfilter */
        bool is_broadcast;       /* it is sent to all hosts, not to the host's own address */
} Packet;

/* Which packet of its connection it is. */
typedef enum PacketTurn {
        PACKET_FIRST,
        PACKET_FIRST_ANSWER,
        PACKET_LATER_ANSWER, /* one that neither opens nor ends it */
        PACKET_TURN_MAX,
} PacketTurn;

/* Only these are known, and that it is the first of its connection. */
void packet_init(Packet *packet, PacketHook hook, int family, uint8_t protocol);

/* For TCP this also sets the flags. */
void packet_set_turn(Packet *packet, PacketTurn turn);

/* Only the first bits of the address are known. Addresses are as in the header: 4 or 16 bytes. */
void packet_set_source(Packet *packet, const void *address, unsigned bits);
void packet_set_target(Packet *packet, const void *address, unsigned bits);

void packet_set_source_port(Packet *packet, uint16_t port);
void packet_set_target_port(Packet *packet, uint16_t port);

/* Type of the target, and of the source, as in a routing table (RTN_* of linux/rtnetlink.h). -1:
 * unknown. */
int packet_target_type(const Packet *packet);
int packet_source_type(const Packet *packet);

/* The IPS_* bits of its connection that are known, and which of them are set. */
typedef struct PacketStatus {
        uint32_t known, value;
} PacketStatus;

PacketStatus packet_status(const Packet *packet);
