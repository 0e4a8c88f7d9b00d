/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources: linux/netfilter/nf_tables.h, net/netfilter/nft_*.c.
 */
#include "kernel/packet-registers.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <net/if_arp.h>
#include <string.h>

#include "kernel/packet-xt.h"

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))
#define WORD            sizeof(uint32_t)

static uint32_t number_of(struct nlattr *attribute) {
        return attribute && nla_len(attribute) == WORD ? ntohl(nla_get_u32(attribute)) : 0;
}

/* Old register numbers stand for 16 bytes each, newer ones for four. */
size_t registers_offset(struct nlattr *number) {
        const uint32_t n = number_of(number);

        if (n >= NFT_REG_1 && n <= NFT_REG_4)
                return (n - NFT_REG_1) * NFT_REG_SIZE;
        if (n >= NFT_REG32_00 && n <= NFT_REG32_15)
                return (n - NFT_REG32_00) * NFT_REG32_SIZE;
        return KNOWN_SIZE_MAX;
}

/* The rest of the last word is zero. bytes NULL: not known. */
static void store(Registers *registers, size_t offset, const void *bytes, size_t n) {
        static const uint8_t zero[WORD] = { 0 };

        known_set(&registers->bytes, offset, bytes, n);
        known_set(&registers->bytes, offset + n, zero, (WORD - n % WORD) % WORD);
}

static void forget_all(Registers *registers) {
        *registers = (Registers){ .bytes = { .known = { 0 } } };
}

/* NULL: the attribute has no value. */
static const uint8_t *value_of(struct nlattr *data, size_t *ret_size) {
        struct nlattr *tb[NFTA_DATA_MAX + 1];

        *ret_size = 0;
        if (!data || nla_parse_nested(tb, NFTA_DATA_MAX, data, NULL) < 0 || !tb[NFTA_DATA_VALUE] ||
                        nla_len(tb[NFTA_DATA_VALUE]) > KNOWN_SIZE_MAX)
                return NULL;
        *ret_size = (size_t)nla_len(tb[NFTA_DATA_VALUE]);
        return nla_data(tb[NFTA_DATA_VALUE]);
}

void registers_load_data(Registers *registers, struct nlattr *number, struct nlattr *data) {
        const size_t offset = registers_offset(number);
        const uint8_t *value;
        size_t n;

        value = value_of(data, &n);
        if (value)
                store(registers, offset, value, n);
        else
                known_set(&registers->bytes, offset, NULL, KNOWN_SIZE_MAX);
}

static Truth step_immediate(Registers *registers, const Packet *packet, struct nlattr **tb) {
        registers_load_data(registers, tb[NFTA_IMMEDIATE_DREG], tb[NFTA_IMMEDIATE_DATA]);
        return TRUTH_YES;
}

/* Loads bytes of a header. A Known is larger than any header here: what follows is unknown. */
static Truth step_payload(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const size_t to = registers_offset(tb[NFTA_PAYLOAD_DREG]);
        const size_t from = number_of(tb[NFTA_PAYLOAD_OFFSET]), n = number_of(tb[NFTA_PAYLOAD_LEN]);
        const uint32_t base = number_of(tb[NFTA_PAYLOAD_BASE]);
        const Known *header = base == NFT_PAYLOAD_NETWORK_HEADER ? &packet->header
                        : base == NFT_PAYLOAD_TRANSPORT_HEADER   ? &packet->transport
                                                                 : NULL;

        if (!tb[NFTA_PAYLOAD_DREG]) /* it writes to the header */
                return TRUTH_YES;
        store(registers, to, NULL, n < KNOWN_SIZE_MAX ? n : KNOWN_SIZE_MAX);
        for (size_t i = 0; header && i < n && from + i < KNOWN_SIZE_MAX && to + i < KNOWN_SIZE_MAX;
                        i++) {
                registers->bytes.value[to + i] = header->value[from + i];
                registers->bytes.known[to + i] = header->known[from + i];
        }
        return TRUTH_YES;
}

static Truth compare(const Registers *registers, size_t offset, uint32_t op, struct nlattr *data) {
        static const uint8_t least[KNOWN_SIZE_MAX] = { 0 };
        const Known *bytes = &registers->bytes;
        const uint8_t *value;
        size_t n;

        value = value_of(data, &n);
        if (!value)
                return TRUTH_MAYBE;
        switch (op) {
        case NFT_CMP_EQ:
                return known_equals(bytes, offset, value, n);
        case NFT_CMP_NEQ:
                return truth_not(known_equals(bytes, offset, value, n));
        case NFT_CMP_LT:
                return known_is_below(bytes, offset, value, n);
        case NFT_CMP_GTE:
                return truth_not(known_is_below(bytes, offset, value, n));
        case NFT_CMP_LTE:
                return known_is_within(bytes, offset, least, value, n);
        case NFT_CMP_GT:
                return truth_not(known_is_within(bytes, offset, least, value, n));
        default:
                return TRUTH_MAYBE;
        }
}

static Truth step_cmp(Registers *registers, const Packet *packet, struct nlattr **tb) {
        return compare(registers, registers_offset(tb[NFTA_CMP_SREG]), number_of(tb[NFTA_CMP_OP]),
                        tb[NFTA_CMP_DATA]);
}

static Truth step_range(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const uint8_t *first, *last;
        size_t n_first, n_last;
        Truth truth;

        first = value_of(tb[NFTA_RANGE_FROM_DATA], &n_first);
        last = value_of(tb[NFTA_RANGE_TO_DATA], &n_last);
        if (!first || !last || n_first != n_last)
                return TRUTH_MAYBE;
        truth = known_is_within(&registers->bytes, registers_offset(tb[NFTA_RANGE_SREG]), first,
                        last, n_first);
        return number_of(tb[NFTA_RANGE_OP]) == NFT_RANGE_NEQ ? truth_not(truth) : truth;
}

/* A bit that the mask clears is known afterwards. */
static Truth step_bitwise(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const size_t from = registers_offset(tb[NFTA_BITWISE_SREG]);
        const size_t to = registers_offset(tb[NFTA_BITWISE_DREG]);
        const size_t n = number_of(tb[NFTA_BITWISE_LEN]);
        const uint8_t *mask, *toggled;
        size_t n_mask, n_toggled;

        mask = value_of(tb[NFTA_BITWISE_MASK], &n_mask);
        toggled = value_of(tb[NFTA_BITWISE_XOR], &n_toggled);
        if (number_of(tb[NFTA_BITWISE_OP]) != NFT_BITWISE_BOOL || !mask || !toggled || n_mask < n ||
                        n_toggled < n || from + n > KNOWN_SIZE_MAX || to + n > KNOWN_SIZE_MAX) {
                forget_all(registers);
                return TRUTH_YES;
        }
        for (size_t i = 0; i < n; i++) {
                const uint8_t known = registers->bytes.known[from + i] | (uint8_t)~mask[i];
                const uint8_t value = (registers->bytes.value[from + i] & mask[i]) ^ toggled[i];

                registers->bytes.known[to + i] = known;
                registers->bytes.value[to + i] = value & known;
        }
        return TRUTH_YES;
}

static void turn(uint8_t *bytes, size_t n) {
        for (size_t i = 0; i < n / 2; i++) {
                const uint8_t first = bytes[i];

                bytes[i] = bytes[n - 1 - i];
                bytes[n - 1 - i] = first;
        }
}

static Truth step_byteorder(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const size_t from = registers_offset(tb[NFTA_BYTEORDER_SREG]);
        const size_t to = registers_offset(tb[NFTA_BYTEORDER_DREG]);
        const size_t n = number_of(tb[NFTA_BYTEORDER_LEN]),
                     size = number_of(tb[NFTA_BYTEORDER_SIZE]);

        if (from != to || size == 0 || from + n > KNOWN_SIZE_MAX) {
                forget_all(registers);
                return TRUTH_YES;
        }
        for (size_t i = 0; htonl(1) != 1 && i + size <= n; i += size) {
                turn(&registers->bytes.value[from + i], size);
                turn(&registers->bytes.known[from + i], size);
        }
        return TRUTH_YES;
}

/* What is known of a link, in the kernel's size and byte order; NULL: nothing. *ret_size is set in
 * any case. */
static const void *device_fact(const PacketDevice *device, uint32_t key, size_t *ret_size) {
        static const uint16_t ethernet = ARPHRD_ETHER;

        switch (key) {
        case NFT_META_IIF:
        case NFT_META_OIF:
                *ret_size = sizeof(uint32_t);
                return &device->ifindex;
        case NFT_META_IIFNAME:
        case NFT_META_OIFNAME:
                *ret_size = sizeof(device->name);
                return device->name;
        case NFT_META_IIFGROUP:
        case NFT_META_OIFGROUP:
                *ret_size = sizeof(device->group);
                return &device->group;
        case NFT_META_IIFKIND:
        case NFT_META_OIFKIND:
                *ret_size = sizeof(device->kind);
                return *device->kind ? device->kind : NULL;
        default:
                *ret_size = sizeof(ethernet);
                return strcmp(device->kind, "bridge") == 0 ? &ethernet : NULL;
        }
}

static bool is_of_target(uint32_t key) {
        return key == NFT_META_OIF || key == NFT_META_OIFNAME || key == NFT_META_OIFGROUP ||
                        key == NFT_META_OIFKIND || key == NFT_META_OIFTYPE;
}

static bool is_of_device(uint32_t key) {
        return is_of_target(key) || key == NFT_META_IIF || key == NFT_META_IIFNAME ||
                        key == NFT_META_IIFGROUP || key == NFT_META_IIFKIND ||
                        key == NFT_META_IIFTYPE;
}

/* A packet for the host has no output device: its number and name are empty, and a rule that looks
 * at anything else of it ends. */
static Truth load_device(Registers *registers, const Packet *packet, size_t to, uint32_t key) {
        static const PacketDevice nowhere = { .ifindex = 0 };
        const bool is_out = is_of_target(key), is_none = is_out && packet->hook == PACKET_INPUT;
        const PacketDevice *device = is_none ? &nowhere : is_out ? &packet->out : &packet->in;
        const void *fact;
        size_t size;

        if (is_none && key != NFT_META_OIF && key != NFT_META_OIFNAME)
                return TRUTH_NO;
        fact = device_fact(device, key, &size);
        store(registers, to, is_none || device->ifindex > 0 ? fact : NULL, size);
        return TRUTH_YES;
}

static Truth load_meta(Registers *registers, const Packet *packet, size_t to, uint32_t key) {
        const bool is_v4 = packet->family == AF_INET;
        const uint8_t family = is_v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
        const uint16_t type = htons(is_v4 ? ETH_P_IP : ETH_P_IPV6);
        const uint8_t kind = !packet->is_broadcast ? PACKET_HOST
                        : is_v4                    ? PACKET_BROADCAST
                                                   : PACKET_MULTICAST;

        if (is_of_device(key))
                return load_device(registers, packet, to, key);
        if (key == NFT_META_PROTOCOL)
                store(registers, to, &type, sizeof(type));
        else if (key == NFT_META_NFPROTO)
                store(registers, to, &family, sizeof(family));
        else if (key == NFT_META_L4PROTO)
                store(registers, to, &packet->protocol, sizeof(packet->protocol));
        else if (key == NFT_META_PKTTYPE && !packet->is_bridged)
                store(registers, to, &kind, sizeof(kind));
        else if (key == NFT_META_SECPATH) /* it did not come through an IPsec tunnel */
                store(registers, to, &(uint8_t){ 0 }, 1);
        else
                forget_all(registers);
        return TRUTH_YES;
}

static Truth step_meta(Registers *registers, const Packet *packet, struct nlattr **tb) {
        if (!tb[NFTA_META_DREG]) /* the rule sets it */
                return TRUTH_YES;
        return load_meta(registers, packet, registers_offset(tb[NFTA_META_DREG]),
                        number_of(tb[NFTA_META_KEY]));
}

/* State and status are numbers in host byte order. */
static void load_status(Registers *registers, size_t to, const Packet *packet) {
        const PacketStatus status = packet_status(packet);
        const uint8_t *known = (const uint8_t *)&status.known;

        store(registers, to, &status.value, sizeof(status.value));
        for (size_t i = 0; i < sizeof(status.known) && to + i < KNOWN_SIZE_MAX; i++)
                registers->bytes.known[to + i] = known[i];
}

static Truth step_ct(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const uint32_t state = NF_CT_STATE_BIT(packet->is_answer ? IP_CT_ESTABLISHED : IP_CT_NEW);
        const size_t to = registers_offset(tb[NFTA_CT_DREG]);

        if (!tb[NFTA_CT_DREG])
                return TRUTH_YES;
        switch (number_of(tb[NFTA_CT_KEY])) {
        case NFT_CT_STATE:
                store(registers, to, &state, sizeof(state));
                break;
        case NFT_CT_STATUS:
                load_status(registers, to, packet);
                break;
        case NFT_CT_DIRECTION:
                store(registers, to, &(uint8_t){ packet->is_answer }, 1);
                break;
        default:
                forget_all(registers);
        }
        return TRUTH_YES;
}

static Truth step_fib(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const uint32_t flags = number_of(tb[NFTA_FIB_FLAGS]);
        const int type = flags & NFTA_FIB_F_DADDR ? packet_target_type(packet)
                                                  : packet_source_type(packet);
        const uint32_t number = (uint32_t)type;

        if (number_of(tb[NFTA_FIB_RESULT]) != NFT_FIB_RESULT_ADDRTYPE || type < 0 ||
                        flags & (NFTA_FIB_F_MARK | NFTA_FIB_F_PRESENT))
                forget_all(registers);
        else
                store(registers, registers_offset(tb[NFTA_FIB_DREG]), &number, sizeof(number));
        return TRUTH_YES;
}

/* No packet here has an extension header. Rules mostly set TCP options (the MSS) rather than match
 * them. */
static Truth step_exthdr(Registers *registers, const Packet *packet, struct nlattr **tb) {
        if (!tb[NFTA_EXTHDR_DREG])
                return TRUTH_YES;
        if (number_of(tb[NFTA_EXTHDR_OP]) != NFT_EXTHDR_OP_IPV6) {
                forget_all(registers);
                return TRUTH_MAYBE;
        }
        if (!(number_of(tb[NFTA_EXTHDR_FLAGS]) & NFT_EXTHDR_F_PRESENT))
                return TRUTH_NO;
        store(registers, registers_offset(tb[NFTA_EXTHDR_DREG]), &(uint8_t){ 0 }, 1);
        return TRUTH_YES;
}

/* Counters and the like do not affect the outcome; quotas and limits do. */
static Truth step_objref(Registers *registers, const Packet *packet, struct nlattr **tb) {
        const uint32_t type = number_of(tb[NFTA_OBJREF_IMM_TYPE]);

        return type == NFT_OBJECT_QUOTA || type == NFT_OBJECT_LIMIT ||
                                        type == NFT_OBJECT_CONNLIMIT || type == NFT_OBJECT_UNSPEC
                        ? TRUTH_MAYBE
                        : TRUTH_YES;
}

static Truth step_match(Registers *registers, const Packet *packet, struct nlattr **tb) {
        if (!tb[NFTA_MATCH_NAME] || !tb[NFTA_MATCH_INFO] ||
                        !memchr(nla_data(tb[NFTA_MATCH_NAME]), '\0',
                                        (size_t)nla_len(tb[NFTA_MATCH_NAME])))
                return TRUTH_MAYBE;
        return packet_xt_match(packet, nla_get_string(tb[NFTA_MATCH_NAME]),
                        number_of(tb[NFTA_MATCH_REV]), nla_data(tb[NFTA_MATCH_INFO]),
                        (size_t)nla_len(tb[NFTA_MATCH_INFO]));
}

static Truth step_over(Registers *registers, const Packet *packet, struct nlattr **tb) {
        return TRUTH_YES;
}

#define ATTRIBUTES_MAX 16

static const struct {
        const char *name;
        int attributes; /* the highest of its data */
        Truth (*step)(Registers *registers, const Packet *packet, struct nlattr **tb);
} steps[] = {
        { "bitwise", NFTA_BITWISE_MAX, step_bitwise },
        { "byteorder", NFTA_BYTEORDER_MAX, step_byteorder },
        { "cmp", NFTA_CMP_MAX, step_cmp },
        { "counter", 0, step_over },
        { "ct", NFTA_CT_MAX, step_ct },
        { "dup", 0, step_over },
        { "exthdr", NFTA_EXTHDR_MAX, step_exthdr },
        { "fib", NFTA_FIB_MAX, step_fib },
        { "flow_offload", 0, step_over },
        { "immediate", NFTA_IMMEDIATE_MAX, step_immediate },
        { "last", 0, step_over },
        { "log", 0, step_over },
        { "match", NFTA_MATCH_MAX, step_match },
        { "meta", NFTA_META_MAX, step_meta },
        { "notrack", 0, step_over },
        { "objref", NFTA_OBJREF_MAX, step_objref },
        { "payload", NFTA_PAYLOAD_MAX, step_payload },
        { "range", NFTA_RANGE_MAX, step_range },
};

Truth registers_step(
                Registers *registers, const Packet *packet, const char *name, struct nlattr *data) {
        struct nlattr *tb[ATTRIBUTES_MAX + 1] = { NULL };

        for (size_t i = 0; i < ELEMENTS(steps); i++) {
                if (strcmp(steps[i].name, name) != 0)
                        continue;
                if (steps[i].attributes > ATTRIBUTES_MAX)
                        break;
                if (data && steps[i].attributes > 0 &&
                                nla_parse_nested(tb, steps[i].attributes, data, NULL) < 0)
                        break;
                return steps[i].step(registers, packet, tb);
        }
        forget_all(registers);
        return TRUTH_MAYBE;
}
