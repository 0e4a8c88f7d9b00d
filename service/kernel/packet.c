/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/packet.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>

#define VERSION_4 0x45 /* with a header of five words */
#define VERSION_6 0x60

#define IS_V4(packet) ((packet)->family == AF_INET)

void packet_init(Packet *packet, PacketHook hook, int family, uint8_t protocol) {
        static const uint8_t no_fragment[2] = { 0 };

        *packet = (Packet){ .hook = hook, .family = family, .protocol = protocol };
        if (IS_V4(packet)) {
                known_set(&packet->header, 0, &(uint8_t){ VERSION_4 }, 1);
                known_set(&packet->header, offsetof(struct iphdr, protocol), &protocol, 1);
                known_set(&packet->header, offsetof(struct iphdr, frag_off), no_fragment,
                                sizeof(no_fragment));
                /* The "don't fragment" bit is unknown. */
                packet->header.known[offsetof(struct iphdr, frag_off)] = 0xbf;
        } else {
                known_set_prefix(&packet->header, 0, &(uint8_t){ VERSION_6 }, 1, 4);
                known_set(&packet->header, offsetof(struct ip6_hdr, ip6_nxt), &protocol, 1);
        }
        packet_set_turn(packet, PACKET_FIRST);
}

void packet_set_turn(Packet *packet, PacketTurn turn) {
        static const uint8_t flags[PACKET_TURN_MAX] = {
                [PACKET_FIRST] = TH_SYN,
                [PACKET_FIRST_ANSWER] = TH_SYN | TH_ACK,
                [PACKET_LATER_ANSWER] = TH_ACK,
        };
        const size_t at = offsetof(struct tcphdr, th_flags);

        packet->is_answer = turn != PACKET_FIRST;
        if (packet->protocol != IPPROTO_TCP)
                return;
        known_set(&packet->transport, at, &flags[turn], 1);
        /* Only some of them have PSH set. */
        if (turn == PACKET_LATER_ANSWER)
                packet->transport.known[at] = (uint8_t)~TH_PUSH;
}

void packet_set_source(Packet *packet, const void *address, unsigned bits) {
        known_set_prefix(&packet->header,
                        IS_V4(packet) ? offsetof(struct iphdr, saddr)
                                      : offsetof(struct ip6_hdr, ip6_src),
                        address, IS_V4(packet) ? sizeof(struct in_addr) : sizeof(struct in6_addr),
                        bits);
}

void packet_set_target(Packet *packet, const void *address, unsigned bits) {
        known_set_prefix(&packet->header,
                        IS_V4(packet) ? offsetof(struct iphdr, daddr)
                                      : offsetof(struct ip6_hdr, ip6_dst),
                        address, IS_V4(packet) ? sizeof(struct in_addr) : sizeof(struct in6_addr),
                        bits);
}

/* TCP and UDP have the ports at the same offset. */
void packet_set_source_port(Packet *packet, uint16_t port) {
        known_set(&packet->transport, offsetof(struct udphdr, uh_sport), &(uint16_t){ htons(port) },
                        sizeof(port));
}

void packet_set_target_port(Packet *packet, uint16_t port) {
        known_set(&packet->transport, offsetof(struct udphdr, uh_dport), &(uint16_t){ htons(port) },
                        sizeof(port));
}

int packet_target_type(const Packet *packet) {
        if (packet->is_bridged)
                return -1;
        if (packet->is_broadcast)
                return IS_V4(packet) ? RTN_BROADCAST : RTN_MULTICAST;
        /* An answer is for a guest, and masquerading has been undone: at this hook it is no longer
         * addressed to the host. */
        return packet->hook == PACKET_INPUT ? RTN_LOCAL : RTN_UNICAST;
}

/* A client without an address yet uses 0.0.0.0, which counts as a broadcast address. */
int packet_source_type(const Packet *packet) {
        static const uint8_t none[4] = { 0 };

        if (packet->is_bridged)
                return -1;
        return IS_V4(packet) &&
                                        known_equals(&packet->header, offsetof(struct iphdr, saddr),
                                                        none, sizeof(none)) == TRUTH_YES
                        ? RTN_BROADCAST
                        : RTN_UNICAST;
}

PacketStatus packet_status(const Packet *packet) {
        PacketStatus status = {
                .known = IPS_EXPECTED | IPS_SEEN_REPLY | IPS_SRC_NAT | IPS_DST_NAT,
        };

        if (packet->is_bridged)
                status.known &= ~(uint32_t)IPS_DST_NAT;
        /* The first packet was masqueraded on its way out. */
        if (packet->is_answer)
                status.value = IPS_SEEN_REPLY | IPS_SRC_NAT;
        return status;
}
