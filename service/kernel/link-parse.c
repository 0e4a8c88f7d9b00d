/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a kernel message to a LinkInfo. The kernel is trusted not to lie, but not to be of our age:
 * every attribute may be missing, and unknown ones are passed over.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/link.h"

static bool flag_of(const struct nlattr *attribute) {
        return attribute && nla_get_u8(attribute) != 0;
}

static uint32_t u32_of(const struct nlattr *attribute) {
        return attribute ? nla_get_u32(attribute) : 0;
}

static int parse_tun(struct nlattr *data, LinkTun *ret) {
        static const struct nla_policy policy[IFLA_TUN_MAX + 1] = {
                [IFLA_TUN_OWNER] = { .type = NLA_U32 },
                [IFLA_TUN_TYPE] = { .type = NLA_U8 },
                [IFLA_TUN_VNET_HDR] = { .type = NLA_U8 },
                [IFLA_TUN_PERSIST] = { .type = NLA_U8 },
                [IFLA_TUN_MULTI_QUEUE] = { .type = NLA_U8 },
                [IFLA_TUN_NUM_QUEUES] = { .type = NLA_U32 },
                [IFLA_TUN_NUM_DISABLED_QUEUES] = { .type = NLA_U32 },
        };
        struct nlattr *tb[IFLA_TUN_MAX + 1];

        if (nla_parse_nested(tb, IFLA_TUN_MAX, data, policy) < 0)
                return -EPROTO;
        *ret = (LinkTun){
                .tap = tb[IFLA_TUN_TYPE] && nla_get_u8(tb[IFLA_TUN_TYPE]) == IFF_TAP,
                .vnet_hdr = flag_of(tb[IFLA_TUN_VNET_HDR]),
                .multiqueue = flag_of(tb[IFLA_TUN_MULTI_QUEUE]),
                .persistent = flag_of(tb[IFLA_TUN_PERSIST]),
                .owned = tb[IFLA_TUN_OWNER],
                .owner = u32_of(tb[IFLA_TUN_OWNER]),
                .queues = u32_of(tb[IFLA_TUN_NUM_QUEUES]),
                .queues_disabled = u32_of(tb[IFLA_TUN_NUM_DISABLED_QUEUES]),
        };
        return 0;
}

static int parse_port(struct nlattr *data, LinkPort *ret) {
        static const struct nla_policy policy[IFLA_BRPORT_MAX + 1] = {
                [IFLA_BRPORT_LEARNING] = { .type = NLA_U8 },
                [IFLA_BRPORT_GROUP_FWD_MASK] = { .type = NLA_U16 },
                [IFLA_BRPORT_ISOLATED] = { .type = NLA_U8 },
                [IFLA_BRPORT_LOCKED] = { .type = NLA_U8 },
        };
        struct nlattr *tb[IFLA_BRPORT_MAX + 1], *mask;

        if (nla_parse_nested(tb, IFLA_BRPORT_MAX, data, policy) < 0)
                return -EPROTO;
        mask = tb[IFLA_BRPORT_GROUP_FWD_MASK];
        *ret = (LinkPort){
                .isolated = flag_of(tb[IFLA_BRPORT_ISOLATED]),
                .locked = flag_of(tb[IFLA_BRPORT_LOCKED]),
                .learning = flag_of(tb[IFLA_BRPORT_LEARNING]),
                .group_fwd_mask = mask ? nla_get_u16(mask) : 0,
        };
        return 0;
}

static int parse_bridge(struct nlattr *data, LinkInfo *link) {
        static const struct nla_policy policy[IFLA_BR_MAX + 1] = {
                [IFLA_BR_VLAN_FILTERING] = { .type = NLA_U8 },
                [IFLA_BR_VLAN_DEFAULT_PVID] = { .type = NLA_U16 },
        };
        struct nlattr *tb[IFLA_BR_MAX + 1];

        if (nla_parse_nested(tb, IFLA_BR_MAX, data, policy) < 0)
                return -EPROTO;
        if (flag_of(tb[IFLA_BR_VLAN_FILTERING]) && tb[IFLA_BR_VLAN_DEFAULT_PVID])
                link->vlan = nla_get_u16(tb[IFLA_BR_VLAN_DEFAULT_PVID]);
        return 0;
}

static int parse_linkinfo(struct nlattr *linkinfo, LinkInfo *link) {
        static const struct nla_policy policy[IFLA_INFO_MAX + 1] = {
                [IFLA_INFO_KIND] = { .type = NLA_STRING },
                [IFLA_INFO_SLAVE_KIND] = { .type = NLA_STRING },
                [IFLA_INFO_DATA] = { .type = NLA_NESTED },
                [IFLA_INFO_SLAVE_DATA] = { .type = NLA_NESTED },
        };
        struct nlattr *tb[IFLA_INFO_MAX + 1];
        char port_kind[16] = "";
        int r = 0;

        if (nla_parse_nested(tb, IFLA_INFO_MAX, linkinfo, policy) < 0)
                return -EPROTO;
        if (tb[IFLA_INFO_KIND])
                nla_strlcpy(link->kind, tb[IFLA_INFO_KIND], sizeof(link->kind));
        if (tb[IFLA_INFO_SLAVE_KIND])
                nla_strlcpy(port_kind, tb[IFLA_INFO_SLAVE_KIND], sizeof(port_kind));
        if (tb[IFLA_INFO_DATA] && strcmp(link->kind, "tun") == 0)
                r = parse_tun(tb[IFLA_INFO_DATA], &link->tun);
        if (tb[IFLA_INFO_DATA] && strcmp(link->kind, "bridge") == 0)
                r = parse_bridge(tb[IFLA_INFO_DATA], link);
        link->is_bridge_port = strcmp(port_kind, "bridge") == 0;
        if (r >= 0 && tb[IFLA_INFO_SLAVE_DATA] && link->is_bridge_port)
                r = parse_port(tb[IFLA_INFO_SLAVE_DATA], &link->port);
        return r;
}

int link_parse(const struct nlmsghdr *message, LinkInfo *ret) {
        static const struct nla_policy policy[IFLA_MAX + 1] = {
                [IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IFNAMSIZ },
                [IFLA_IFALIAS] = { .type = NLA_STRING, .maxlen = LINK_ALIAS_SIZE },
                [IFLA_MTU] = { .type = NLA_U32 },
                [IFLA_MASTER] = { .type = NLA_U32 },
                [IFLA_GROUP] = { .type = NLA_U32 },
                [IFLA_NUM_TX_QUEUES] = { .type = NLA_U32 },
                [IFLA_CARRIER] = { .type = NLA_U8 },
                [IFLA_LINKINFO] = { .type = NLA_NESTED },
        };
        struct nlattr *tb[IFLA_MAX + 1];
        const struct ifinfomsg *header;
        LinkInfo link = { 0 };

        if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
                return -ENOMSG;
        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), tb, IFLA_MAX, policy) < 0)
                return -EPROTO;
        header = nlmsg_data(message);
        if (header->ifi_family != AF_UNSPEC)
                return -ENOMSG;

        link.ifindex = header->ifi_index;
        link.flags = header->ifi_flags;
        link.mtu = u32_of(tb[IFLA_MTU]);
        link.group = u32_of(tb[IFLA_GROUP]);
        link.master = (int)u32_of(tb[IFLA_MASTER]);
        link.tx_queues = u32_of(tb[IFLA_NUM_TX_QUEUES]);
        if (tb[IFLA_IFNAME])
                nla_strlcpy(link.name, tb[IFLA_IFNAME], sizeof(link.name));
        if (tb[IFLA_IFALIAS])
                nla_strlcpy(link.alias, tb[IFLA_IFALIAS], sizeof(link.alias));
        if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(link.mac))
                nla_memcpy(&link.mac, tb[IFLA_ADDRESS], sizeof(link.mac));
        if (tb[IFLA_LINKINFO] && parse_linkinfo(tb[IFLA_LINKINFO], &link) < 0)
                return -EPROTO;
        if (strcmp(link.kind, "tun") == 0 && !link.tun.multiqueue)
                link.tun.queues = !link.tun.persistent || flag_of(tb[IFLA_CARRIER]);
        *ret = link;
        return 0;
}
