/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/checksum.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_mirred.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/offload-active.h"
#include "kernel/offload.h"
#include "kernel/rtnl-gaps.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

/* Preferences of our two rules; rules of others have different ones. */
#define PREFERENCE_V4 0x766e
#define PREFERENCE_V6 0x766f

DEFINE_CLEANUP(Netlink, netlink_close)
DEFINE_CLEANUP(OffloadReader, offload_reader_close)

static inline void rtnl_qdisc_putp(struct rtnl_qdisc **qdisc) {
        rtnl_qdisc_put(*qdisc);
}

static inline void rtnl_cls_putp(struct rtnl_cls **classifier) {
        rtnl_cls_put(*classifier);
}

/* Replies of a server, as 32-bit words of the packet: (word & mask) == value. */
typedef struct Key {
        uint32_t value, mask;
        int offset;
} Key;

typedef struct Rule {
        uint16_t protocol, preference;
        Key keys[3];
} Rule;

static const Rule rules[] = {
        {
                        .protocol = ETH_P_IP,
                        .preference = PREFERENCE_V4,
                        .keys =
                                        {
                                                        { 0x05000000, 0x0f000000, 0 },
                                                        { IPPROTO_UDP << 16, 0x00ff0000, 8 },
                                                        { 67 << 16 | 68, UINT32_MAX, 20 },
                                        },
        },
        {
                        .protocol = ETH_P_IPV6,
                        .preference = PREFERENCE_V6,
                        .keys =
                                        {
                                                        { 0x60000000, 0xf0000000, 0 },
                                                        { IPPROTO_UDP << 8, 0x0000ff00, 4 },
                                                        { 547 << 16 | 546, UINT32_MAX, 40 },
                                        },
        },
};

/* The qdisc that holds the rules. It is there already if somebody else has rules. */
static int make_place(Netlink *netlink, int bridge, Failure *failure) {
        _cleanup_(rtnl_qdisc_putp) struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;
        int r;

        if (!qdisc || rtnl_tc_set_kind(TC_CAST(qdisc), "clsact") < 0)
                return -ENOMEM;
        rtnl_tc_set_ifindex(TC_CAST(qdisc), bridge);
        rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_CLSACT);
        rtnl_tc_set_handle(TC_CAST(qdisc), TC_H_MAKE(TC_H_CLSACT, 0));
        if (rtnl_qdisc_build_add_request(qdisc, NLM_F_CREATE | NLM_F_EXCL, &message) < 0)
                return -ENOMEM;
        r = netlink_call(netlink, message, NULL, NULL,
                        "make a place for rules at the egress of the bridge", failure);
        return r == -EEXIST ? 0 : r;
}

static struct rtnl_cls *classifier_of(int bridge, const Rule *rule) {
        struct rtnl_cls *classifier = rtnl_cls_alloc();

        if (!classifier || rtnl_tc_set_kind(TC_CAST(classifier), "u32") < 0) {
                rtnl_cls_put(classifier);
                return NULL;
        }
        rtnl_tc_set_ifindex(TC_CAST(classifier), bridge);
        rtnl_tc_set_parent(TC_CAST(classifier), RTNL_EGRESS);
        rtnl_cls_set_prio(classifier, rule->preference);
        rtnl_cls_set_protocol(classifier, rule->protocol);
        return classifier;
}

static int remove_rule(Netlink *netlink, int bridge, const Rule *rule) {
        _cleanup_(rtnl_cls_putp) struct rtnl_cls *classifier = classifier_of(bridge, rule);
        _cleanup_message_ struct nl_msg *message = NULL;
        int r;

        if (!classifier || rtnl_cls_build_delete_request(classifier, 0, &message) < 0)
                return -ENOMEM;
        r = netlink_call(netlink, message, NULL, NULL, "remove a rule", NULL);
        return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int add_rule(Netlink *netlink, int bridge, const Rule *rule, const RtnlAction *action,
                Failure *failure) {
        _cleanup_(rtnl_cls_putp) struct rtnl_cls *classifier = classifier_of(bridge, rule);
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!classifier)
                return -ENOMEM;
        for (size_t i = 0; i < sizeof(rule->keys) / sizeof(*rule->keys); i++)
                if (rtnl_u32_add_key_uint32(classifier, rule->keys[i].value, rule->keys[i].mask,
                                    rule->keys[i].offset, 0) < 0)
                        return -ENOMEM;
        if (rtnl_u32_set_cls_terminal(classifier) < 0 ||
                        rtnl_cls_build_add_request(
                                        classifier, NLM_F_CREATE | NLM_F_EXCL, &message) < 0 ||
                        rtnl_put_action(message, action) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL,
                        "have the checksums of DHCP replies finished", failure);
}

/* -ENOENT, -EINVAL: there is neither a rule nor a qdisc to hold it. */
static int find_rule(Netlink *netlink, int bridge, const Rule *rule) {
        _cleanup_(rtnl_cls_putp) struct rtnl_cls *classifier = classifier_of(bridge, rule);
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!classifier)
                return -ENOMEM;
        message = rtnl_build_rule_get(classifier);
        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "look for a rule", NULL);
}

int checksum_has_rules(Netlink *netlink, int bridge) {
        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
                int r = find_rule(netlink, bridge, &rules[i]);

                if (r < 0)
                        return r == -ENOENT || r == -EINVAL ? 0 : r;
        }
        return 1;
}

/* Both, or none. */
static int set_rules(Netlink *netlink, int bridge, const RtnlAction *action, Failure *failure) {
        int r = 0;

        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && r >= 0; i++) {
                r = remove_rule(netlink, bridge, &rules[i]);
                if (r >= 0)
                        r = add_rule(netlink, bridge, &rules[i], action, failure);
        }
        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && r < 0; i++)
                (void)remove_rule(netlink, bridge, &rules[i]);
        return r;
}

static int fill_by_action(Netlink *netlink, int bridge, Failure *failure) {
        const struct tc_csum parameters = {
                .action = TC_ACT_OK,
                .update_flags = TCA_CSUM_UPDATE_FLAG_UDP,
        };
        const RtnlAction action = { "csum", TCA_CSUM_PARMS, &parameters, sizeof(parameters) };

        return set_rules(netlink, bridge, &action, failure);
}

static int fill_by_device(Netlink *netlink, int bridge, int device, Failure *failure) {
        const struct tc_mirred parameters = {
                .action = TC_ACT_STOLEN,
                .eaction = TCA_EGRESS_REDIR,
                .ifindex = (uint32_t)device,
        };
        const RtnlAction action = { "mirred", TCA_MIRRED_PARMS, &parameters, sizeof(parameters) };

        return set_rules(netlink, bridge, &action, failure);
}

static int make_device(Netlink *netlink, Failure *failure) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *link = rtnl_link_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!link || rtnl_link_set_type(link, "ifb") < 0)
                return -ENOMEM;
        rtnl_link_set_name(link, CHECKSUM_DEVICE);
        if (rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "make the device that finishes checksums",
                        failure);
}

static bool is_device(const LinkInfo *link) {
        return strcmp(link->kind, "ifb") == 0;
}

static int find_device(Netlink *netlink, LinkInfo *ret, Failure *failure) {
        int r = link_get_by_name(netlink, CHECKSUM_DEVICE, ret, failure);

        if (r < 0 || is_device(ret))
                return r;
        return failure_set(failure, FAILURE_NAME_TAKEN, EEXIST,
                        "There is an interface \"" CHECKSUM_DEVICE
                        "\" on this host that is not vnicd's. Rename it");
}

static int put_feature(struct nl_msg *message, const char *name) {
        struct nlattr *bits = nla_nest_start(message, ETHTOOL_A_BITSET_BITS | NLA_F_NESTED), *bit;

        if (!bits)
                return -ENOMEM;
        bit = nla_nest_start(message, ETHTOOL_A_BITSET_BITS_BIT | NLA_F_NESTED);
        if (!bit || nla_put_string(message, ETHTOOL_A_BITSET_BIT_NAME, name) < 0)
                return -ENOMEM;
        nla_nest_end(message, bit);
        nla_nest_end(message, bits);
        return 0;
}

/* A feature that is listed without a value is turned off. */
static int write_features(struct nl_msg *message, int ifindex) {
        const struct genlmsghdr header = {
                .cmd = ETHTOOL_MSG_FEATURES_SET,
                .version = ETHTOOL_GENL_VERSION,
        };
        struct nlattr *nest;

        if (nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        nest = nla_nest_start(message, ETHTOOL_A_FEATURES_HEADER | NLA_F_NESTED);
        if (!nest || nla_put_u32(message, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)ifindex) < 0 ||
                        nla_put_u32(message, ETHTOOL_A_HEADER_FLAGS, ETHTOOL_FLAG_OMIT_REPLY) < 0)
                return -ENOMEM;
        nla_nest_end(message, nest);
        nest = nla_nest_start(message, ETHTOOL_A_FEATURES_WANTED | NLA_F_NESTED);
        if (!nest || put_feature(message, "tx-checksum-ip-generic") < 0)
                return -ENOMEM;
        nla_nest_end(message, nest);
        return 0;
}

static int turn_offload_off(int ifindex, Failure *failure) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        _cleanup_message_ struct nl_msg *message = NULL;
        int r, family;

        r = netlink_open(&netlink, NETLINK_GENERIC);
        if (r < 0)
                return r;
        family = netlink_find_family(netlink, ETHTOOL_GENL_NAME);
        if (family < 0)
                return family;
        message = nlmsg_alloc_simple(family, 0);
        if (!message || write_features(message, ifindex) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL,
                        "turn off the checksum offload of the device", failure);
}

/* Its MAC cannot be set. It gets no IPv6 address, since other services would only start to listen
 * on it. */
static int describe_device(Netlink *netlink, int ifindex, Failure *failure) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *device = rtnl_link_alloc(),
                                                   *changes = rtnl_link_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!device || !changes ||
                        rtnl_link_inet6_set_addr_gen_mode(changes,
                                        (uint8_t)rtnl_link_inet6_str2addrgenmode("none")) < 0)
                return -ENOMEM;
        rtnl_link_set_ifindex(device, ifindex);
        rtnl_link_set_ifalias(changes, "DHCP replies of vnicd's networks get their checksums here");
        if (rtnl_link_build_change_request(device, changes, 0, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL,
                        "describe the device that finishes checksums", failure);
}

/* On a host without IPv6 there is no address to suppress. */
static int set_up_device(Netlink *netlink, int ifindex, Failure *failure) {
        int r = describe_device(netlink, ifindex, failure);

        if (r >= 0 || r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
                r = turn_offload_off(ifindex, failure);
        return r < 0 ? r : link_set_up(netlink, ifindex, failure);
}

int checksum_find_device(Netlink *netlink, int *ret) {
        _cleanup_(offload_reader_closep) OffloadReader *reader = NULL;
        uint32_t offloads;
        LinkInfo link;
        int r = find_device(netlink, &link, NULL);

        if (r < 0 || !(link.flags & IFF_UP))
                return r == -EEXIST || r >= 0 ? -ENODEV : r;
        r = offload_reader_open(&reader);
        if (r >= 0)
                r = offload_read_active(reader, link.ifindex, &offloads, NULL);
        if (r < 0)
                return r;
        *ret = link.ifindex;
        return offloads & OFFLOAD_CSUM ? -ENODEV : 0;
}

int checksum_delete_device(Netlink *netlink) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *device = rtnl_link_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;
        LinkInfo link;

        if (!device)
                return -ENOMEM;
        if (find_device(netlink, &link, NULL) < 0)
                return -ENODEV;
        rtnl_link_set_ifindex(device, link.ifindex);
        if (rtnl_link_build_delete_request(device, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL,
                        "delete the device that finishes checksums", NULL);
}

/* The kernel reports a missing feature by any of these. */
static bool is_missing(int r) {
        return r == -ENOENT || r == -EOPNOTSUPP || r == -EINVAL || r == -EAFNOSUPPORT;
}

static int refuse(const Failure *reason, Failure *failure) {
        return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                        "This kernel lacks what finishes the checksums of DHCP replies: CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_U32, and CONFIG_NET_ACT_CSUM, or CONFIG_NET_ACT_MIRRED and CONFIG_IFB (%s)",
                        reason->kind != FAILURE_NONE ? reason->text : "none of them is there");
}

int checksum_fill_replies(Netlink *netlink, int bridge, int *ret_device, Failure *failure) {
        Failure reason = FAILURE_INIT;
        LinkInfo device;
        int r;

        *ret_device = 0;
        r = make_place(netlink, bridge, &reason);
        if (r < 0)
                return is_missing(r) ? refuse(&reason, failure) : r;
        r = fill_by_action(netlink, bridge, NULL);
        if (r >= 0 || r == -ENOMEM)
                return r;
        r = make_device(netlink, &reason);
        if (r >= 0 || r == -EEXIST)
                r = find_device(netlink, &device, failure);
        if (r == -EEXIST)
                return r;
        if (r >= 0)
                r = set_up_device(netlink, device.ifindex, &reason);
        if (r >= 0)
                r = fill_by_device(netlink, bridge, device.ifindex, &reason);
        if (r < 0)
                return is_missing(r) ? refuse(&reason, failure) : r;
        *ret_device = device.ifindex;
        return 0;
}
