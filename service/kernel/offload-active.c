/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/offload-active.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/offload.h"

struct OffloadReader {
        Netlink *netlink;
        int family;
};

DEFINE_CLEANUP(OffloadReader, offload_reader_close)

/* The names are those of the kernel's string set; USO4 and USO6 are one feature. */
static const struct {
        const char *feature;
        uint32_t offloads;
} features[] = {
        { "tx-checksum-ip-generic", OFFLOAD_CSUM },
        { "tx-tcp-segmentation", OFFLOAD_TSO4 },
        { "tx-tcp6-segmentation", OFFLOAD_TSO6 },
        { "tx-tcp-ecn-segmentation", OFFLOAD_TSO_ECN },
        { "tx-udp-segmentation", OFFLOAD_USO4 | OFFLOAD_USO6 },
        { "tx-udp_tnl-segmentation", OFFLOAD_UDP_TUNNEL_GSO },
        { "tx-udp_tnl-csum-segmentation", OFFLOAD_UDP_TUNNEL_GSO_CSUM },
};

int offload_reader_open(OffloadReader **ret) {
        _cleanup_(offload_reader_closep) OffloadReader *reader = calloc(1, sizeof(OffloadReader));
        int r;

        if (!reader)
                return -ENOMEM;
        r = netlink_open(&reader->netlink, NETLINK_GENERIC);
        if (r < 0)
                return r;
        r = netlink_find_family(reader->netlink, ETHTOOL_GENL_NAME);
        if (r < 0)
                return r;
        reader->family = r;
        *ret = TAKE_PTR(reader);
        return 0;
}

OffloadReader *offload_reader_close(OffloadReader *reader) {
        if (reader) {
                netlink_close(reader->netlink);
                free(reader);
        }
        return NULL;
}

static uint32_t offloads_of_feature(const struct nlattr *bit) {
        const struct nlattr *name =
                        nla_find(nla_data(bit), nla_len(bit), ETHTOOL_A_BITSET_BIT_NAME);

        for (size_t i = 0; name && i < sizeof(features) / sizeof(*features); i++)
                if (nla_strcmp(name, features[i].feature) == 0)
                        return features[i].offloads;
        return 0;
}

/* A set in the verbose form, without a mask: each bit that is listed is on. */
static int parse_features(const struct nlmsghdr *message, void *userdata) {
        struct nlattr *tb[ETHTOOL_A_FEATURES_MAX + 1], *set[ETHTOOL_A_BITSET_MAX + 1], *bit;
        uint32_t *offloads = userdata;
        int left;

        if (nlmsg_parse((struct nlmsghdr *)message, GENL_HDRLEN, tb, ETHTOOL_A_FEATURES_MAX, NULL) <
                        0)
                return -EPROTO;
        if (!tb[ETHTOOL_A_FEATURES_ACTIVE])
                return -EPROTO;
        if (nla_parse_nested(set, ETHTOOL_A_BITSET_MAX, tb[ETHTOOL_A_FEATURES_ACTIVE], NULL) < 0)
                return -EPROTO;
        if (!set[ETHTOOL_A_BITSET_BITS])
                return 0;
        nla_for_each_nested(bit, set[ETHTOOL_A_BITSET_BITS], left) *offloads |=
                        offloads_of_feature(bit);
        return 0;
}

/* A message about one link's features. NULL: out of memory. */
static struct nl_msg *features_message(
                const OffloadReader *reader, uint8_t command, uint32_t flags, int ifindex) {
        const struct genlmsghdr header = { .cmd = command, .version = ETHTOOL_GENL_VERSION };
        _cleanup_(nlmsg_freep) struct nl_msg *message = nlmsg_alloc_simple(reader->family, 0);
        struct nlattr *nest;

        if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return NULL;
        nest = nla_nest_start(message, ETHTOOL_A_FEATURES_HEADER | NLA_F_NESTED);
        if (!nest || nla_put_u32(message, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)ifindex) < 0 ||
                        nla_put_u32(message, ETHTOOL_A_HEADER_FLAGS, flags) < 0)
                return NULL;
        nla_nest_end(message, nest);
        return TAKE_PTR(message);
}

/* Features listed without a value are turned off; those not listed stay. */
static int append_all_off(struct nl_msg *message) {
        struct nlattr *set = nla_nest_start(message, ETHTOOL_A_FEATURES_WANTED | NLA_F_NESTED);
        struct nlattr *bits =
                        set ? nla_nest_start(message, ETHTOOL_A_BITSET_BITS | NLA_F_NESTED) : NULL;

        if (!bits)
                return -ENOMEM;
        for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
                struct nlattr *bit =
                                nla_nest_start(message, ETHTOOL_A_BITSET_BITS_BIT | NLA_F_NESTED);

                if (!bit ||
                                nla_put_string(message, ETHTOOL_A_BITSET_BIT_NAME,
                                                features[i].feature) < 0)
                        return -ENOMEM;
                nla_nest_end(message, bit);
        }
        nla_nest_end(message, bits);
        nla_nest_end(message, set);
        return 0;
}

int offload_turn_off(OffloadReader *reader, int ifindex, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = features_message(
                        reader, ETHTOOL_MSG_FEATURES_SET, ETHTOOL_FLAG_OMIT_REPLY, ifindex);

        if (!message || append_all_off(message) < 0)
                return -ENOMEM;
        return netlink_call(reader->netlink, message, NULL, NULL, "turn the offloads off", failure);
}

int offload_read_active(OffloadReader *reader, int ifindex, uint32_t *ret, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        features_message(reader, ETHTOOL_MSG_FEATURES_GET, 0, ifindex);
        uint32_t offloads = 0;
        int r;

        if (!message)
                return -ENOMEM;
        r = netlink_call(reader->netlink, message, parse_features, &offloads,
                        "read which offloads are on", failure);
        if (r < 0)
                return r;
        *ret = offloads;
        return 0;
}
