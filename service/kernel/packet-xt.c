/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources: linux/netfilter/xt_*.h, and net/netfilter/xt_*.c for what is the same in every host's
 * byte order.
 */
#include "kernel/packet-xt.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

#define SOURCE_PORT offsetof(struct udphdr, uh_sport)
#define TARGET_PORT offsetof(struct udphdr, uh_dport)

static Truth inverted_if(int invert, Truth truth) {
        return invert ? truth_not(truth) : truth;
}

static Truth port_is_within(
                const Packet *packet, size_t which, const uint16_t ends[static 2], int invert) {
        const uint16_t first = htons(ends[0]), last = htons(ends[1]);

        return inverted_if(invert,
                        known_is_within(&packet->transport, which, (const uint8_t *)&first,
                                        (const uint8_t *)&last, sizeof(first)));
}

static Truth match_flags(const Packet *packet, const struct xt_tcp *tcp) {
        Known flags = { .known = { 0 } };
        const uint8_t wanted = tcp->flg_cmp;

        flags.known[0] = packet->transport.known[offsetof(struct tcphdr, th_flags)] |
                        (uint8_t)~tcp->flg_mask;
        flags.value[0] = packet->transport.value[offsetof(struct tcphdr, th_flags)] & tcp->flg_mask;
        return inverted_if(tcp->invflags & XT_TCP_INV_FLAGS, known_equals(&flags, 0, &wanted, 1));
}

static Truth match_tcp(const Packet *packet, const struct xt_tcp *tcp) {
        Truth ports;

        if (packet->protocol != IPPROTO_TCP)
                return TRUTH_NO;
        ports = truth_and(port_is_within(packet, SOURCE_PORT, tcp->spts,
                                          tcp->invflags & XT_TCP_INV_SRCPT),
                        port_is_within(packet, TARGET_PORT, tcp->dpts,
                                        tcp->invflags & XT_TCP_INV_DSTPT));
        return truth_and(truth_and(ports, match_flags(packet, tcp)),
                        tcp->option == 0 ? TRUTH_YES : TRUTH_MAYBE);
}

static Truth match_udp(const Packet *packet, const struct xt_udp *udp) {
        if (packet->protocol != IPPROTO_UDP)
                return TRUTH_NO;
        return truth_and(port_is_within(packet, SOURCE_PORT, udp->spts,
                                         udp->invflags & XT_UDP_INV_SRCPT),
                        port_is_within(packet, TARGET_PORT, udp->dpts,
                                        udp->invflags & XT_UDP_INV_DSTPT));
}

/* A port that begins a range is flagged, and the last port of the range follows it. */
static Truth port_is_in_list(
                const Packet *packet, size_t which, const struct xt_multiport_v1 *list) {
        Truth found = TRUTH_NO;

        for (size_t i = 0; i < list->count && i < XT_MULTI_PORTS; i++) {
                uint16_t ends[2] = { list->ports[i], list->ports[i] };
                Truth one;

                if (list->pflags[i] && i + 1 < XT_MULTI_PORTS)
                        ends[1] = list->ports[++i];
                one = port_is_within(packet, which, ends, 0);
                found = one > found ? one : found;
        }
        return found;
}

static Truth match_multiport(const Packet *packet, const struct xt_multiport_v1 *list) {
        Truth source = TRUTH_NO, target = TRUTH_NO;

        if (list->flags != XT_MULTIPORT_DESTINATION)
                source = port_is_in_list(packet, SOURCE_PORT, list);
        if (list->flags != XT_MULTIPORT_SOURCE)
                target = port_is_in_list(packet, TARGET_PORT, list);
        return inverted_if(list->invert, source > target ? source : target);
}

static Truth type_is_in(int type, uint16_t mask, int invert) {
        if (mask == 0)
                return TRUTH_YES;
        if (type < 0)
                return TRUTH_MAYBE;
        return inverted_if(invert, truth_of(mask & 1 << type));
}

static Truth match_addrtype(const Packet *packet, const struct xt_addrtype_info_v1 *info) {
        const Truth types = truth_and(type_is_in(packet_source_type(packet), info->source,
                                                      info->flags & XT_ADDRTYPE_INVERT_SOURCE),
                        type_is_in(packet_target_type(packet), info->dest,
                                        info->flags & XT_ADDRTYPE_INVERT_DEST));

        return info->flags & (XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT)
                        ? truth_and(types, TRUTH_MAYBE)
                        : types;
}

static Truth match_addrtype_0(const Packet *packet, const struct xt_addrtype_info *info) {
        return truth_and(type_is_in(packet_source_type(packet), info->source,
                                         (int)info->invert_source),
                        type_is_in(packet_target_type(packet), info->dest, (int)info->invert_dest));
}

static int state_bit(const Packet *packet) {
        return XT_CONNTRACK_STATE_BIT(packet->is_answer ? IP_CT_ESTABLISHED : IP_CT_NEW);
}

static Truth state_is_in(const Packet *packet, uint16_t mask) {
        const PacketStatus status = packet_status(packet);
        int bits = state_bit(packet);

        if (status.value & IPS_SRC_NAT)
                bits |= XT_CONNTRACK_STATE_SNAT;
        if (bits & mask)
                return TRUTH_YES;
        return mask & XT_CONNTRACK_STATE_DNAT && !(status.known & IPS_DST_NAT) ? TRUTH_MAYBE
                                                                               : TRUTH_NO;
}

static Truth status_is_in(const Packet *packet, uint16_t mask) {
        const PacketStatus status = packet_status(packet);

        if (status.value & mask)
                return TRUTH_YES;
        return mask & ~status.known ? TRUTH_MAYBE : TRUTH_NO;
}

#define CONNTRACK_UNDERSTOOD                                                                       \
        (XT_CONNTRACK_STATE | XT_CONNTRACK_STATUS | XT_CONNTRACK_DIRECTION |                       \
                        XT_CONNTRACK_STATE_ALIAS)

/* flags: XT_CONNTRACK_*, what is compared; inverted: the comparisons that are negated. */
static Truth match_conntrack(const Packet *packet, unsigned flags, unsigned inverted,
                uint16_t states, uint16_t statuses) {
        Truth truth = flags & ~(unsigned)CONNTRACK_UNDERSTOOD ? TRUTH_MAYBE : TRUTH_YES;

        if (flags & XT_CONNTRACK_STATE)
                truth = truth_and(truth,
                                inverted_if(inverted & XT_CONNTRACK_STATE,
                                                state_is_in(packet, states)));
        if (flags & XT_CONNTRACK_STATUS)
                truth = truth_and(truth,
                                inverted_if(inverted & XT_CONNTRACK_STATUS,
                                                status_is_in(packet, statuses)));
        if (flags & XT_CONNTRACK_DIRECTION)
                truth = truth_and(truth,
                                truth_of(!packet->is_answer ==
                                                !(inverted & XT_CONNTRACK_DIRECTION)));
        return truth;
}

static Truth match_conntrack_1(const Packet *packet, const struct xt_conntrack_mtinfo1 *info) {
        return match_conntrack(packet, info->match_flags, info->invert_flags, info->state_mask,
                        info->status_mask);
}

/* Revision 3 begins with the members of revision 2. */
static Truth match_conntrack_2(const Packet *packet, const struct xt_conntrack_mtinfo2 *info) {
        return match_conntrack(packet, info->match_flags, info->invert_flags, info->state_mask,
                        info->status_mask);
}

static Truth match_state(const Packet *packet, const struct xt_state_info *info) {
        return truth_of((int)info->statemask & state_bit(packet));
}

/* Whether a bridge port is involved. For frames that cross a bridge, it is not known which one. */
static Truth match_physdev(const Packet *packet, const struct xt_physdev_info *info) {
        Truth truth = TRUTH_YES;

        if (packet->is_bridged && info->bitmask & (XT_PHYSDEV_OP_IN | XT_PHYSDEV_OP_OUT))
                return TRUTH_MAYBE;
        /* A routed packet came in on a port, if br_netfilter is on, and goes out on none. */
        if (info->bitmask & (XT_PHYSDEV_OP_IN | XT_PHYSDEV_OP_ISIN) && !packet->is_bridged)
                return TRUTH_MAYBE;
        if (info->bitmask & XT_PHYSDEV_OP_BRIDGED)
                truth = truth_and(truth,
                                inverted_if(info->invert & XT_PHYSDEV_OP_BRIDGED,
                                                truth_of(packet->is_bridged)));
        if (info->bitmask & XT_PHYSDEV_OP_ISIN)
                truth = truth_and(truth, truth_of(!(info->invert & XT_PHYSDEV_OP_ISIN)));
        if (info->bitmask & XT_PHYSDEV_OP_ISOUT)
                truth = truth_and(truth,
                                inverted_if(info->invert & XT_PHYSDEV_OP_ISOUT,
                                                truth_of(packet->is_bridged)));
        if (info->bitmask & XT_PHYSDEV_OP_OUT)
                truth = truth_and(truth, TRUTH_MAYBE);
        return truth;
}

static Truth match_comment(const Packet *packet, const void *info) {
        return TRUTH_YES;
}

/* Matches protocols and extension headers that no packet here has. */
static Truth match_none(const Packet *packet, const void *info) {
        return TRUTH_NO;
}

#define DEFINE_MATCHER(name, type)                                                                 \
        static Truth match_##name##_bytes(const Packet *packet, const void *info) {                \
                type copy;                                                                         \
                                                                                                   \
                memcpy(&copy, info, sizeof(copy));                                                 \
                return match_##name(packet, &copy);                                                \
        }

DEFINE_MATCHER(tcp, struct xt_tcp)
DEFINE_MATCHER(udp, struct xt_udp)
DEFINE_MATCHER(multiport, struct xt_multiport_v1)
DEFINE_MATCHER(addrtype, struct xt_addrtype_info_v1)
DEFINE_MATCHER(addrtype_0, struct xt_addrtype_info)
DEFINE_MATCHER(conntrack_1, struct xt_conntrack_mtinfo1)
DEFINE_MATCHER(conntrack_2, struct xt_conntrack_mtinfo2)
DEFINE_MATCHER(state, struct xt_state_info)
DEFINE_MATCHER(physdev, struct xt_physdev_info)

#define ANY_REVISION UINT32_MAX

static const struct {
        const char *name;
        uint32_t revision;
        size_t size; /* at least */
        Truth (*match)(const Packet *packet, const void *info);
} matches[] = {
        { "addrtype", 0, sizeof(struct xt_addrtype_info), match_addrtype_0_bytes },
        { "addrtype", 1, sizeof(struct xt_addrtype_info_v1), match_addrtype_bytes },
        { "ah", ANY_REVISION, 0, match_none },
        { "comment", ANY_REVISION, 0, match_comment },
        { "conntrack", 1, sizeof(struct xt_conntrack_mtinfo1), match_conntrack_1_bytes },
        { "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), match_conntrack_2_bytes },
        { "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack_2_bytes },
        { "dccp", ANY_REVISION, 0, match_none },
        { "esp", ANY_REVISION, 0, match_none },
        { "frag", ANY_REVISION, 0, match_none },
        { "icmp", ANY_REVISION, 0, match_none },
        { "icmp6", ANY_REVISION, 0, match_none },
        { "mh", ANY_REVISION, 0, match_none },
        { "multiport", 1, sizeof(struct xt_multiport_v1), match_multiport_bytes },
        { "physdev", 0, sizeof(struct xt_physdev_info), match_physdev_bytes },
        { "rt", ANY_REVISION, 0, match_none },
        { "sctp", ANY_REVISION, 0, match_none },
        { "state", 0, sizeof(struct xt_state_info), match_state_bytes },
        { "tcp", 0, sizeof(struct xt_tcp), match_tcp_bytes },
        { "udp", 0, sizeof(struct xt_udp), match_udp_bytes },
};

Truth packet_xt_match(const Packet *packet, const char *name, unsigned revision, const void *info,
                size_t size) {
        for (size_t i = 0; i < ELEMENTS(matches); i++)
                if (strcmp(matches[i].name, name) == 0 && size >= matches[i].size &&
                                (matches[i].revision == revision ||
                                                matches[i].revision == ANY_REVISION))
                        return matches[i].match(packet, info);
        return TRUTH_MAYBE;
}

static const struct {
        const char *name;
        PacketXtTarget target;
} targets[] = {
        { "AUDIT", PACKET_XT_CONTINUES },
        { "CHECKSUM", PACKET_XT_CONTINUES },
        { "CLASSIFY", PACKET_XT_CONTINUES },
        { "CONNMARK", PACKET_XT_CONTINUES },
        { "CONNSECMARK", PACKET_XT_CONTINUES },
        { "CT", PACKET_XT_CONTINUES },
        { "DNAT", PACKET_XT_ACCEPTS },
        { "DSCP", PACKET_XT_CONTINUES },
        { "HL", PACKET_XT_CONTINUES },
        { "LOG", PACKET_XT_CONTINUES },
        { "MARK", PACKET_XT_CONTINUES },
        { "MASQUERADE", PACKET_XT_ACCEPTS },
        { "NETMAP", PACKET_XT_ACCEPTS },
        { "NFLOG", PACKET_XT_CONTINUES },
        { "REDIRECT", PACKET_XT_ACCEPTS },
        { "REJECT", PACKET_XT_DROPS },
        { "SECMARK", PACKET_XT_CONTINUES },
        { "SET", PACKET_XT_CONTINUES },
        { "SNAT", PACKET_XT_ACCEPTS },
        { "TCPMSS", PACKET_XT_CONTINUES },
        { "TCPOPTSTRIP", PACKET_XT_CONTINUES },
        { "TEE", PACKET_XT_CONTINUES },
        { "TOS", PACKET_XT_CONTINUES },
        { "TRACE", PACKET_XT_CONTINUES },
        { "TTL", PACKET_XT_CONTINUES },
        { "ULOG", PACKET_XT_CONTINUES },
};

PacketXtTarget packet_xt_target(const char *name) {
        for (size_t i = 0; i < ELEMENTS(targets); i++)
                if (strcmp(targets[i].name, name) == 0)
                        return targets[i].target;
        return PACKET_XT_UNKNOWN;
}
