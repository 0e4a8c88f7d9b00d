/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-gaps.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/object.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/netlink.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

/* Attribute types as a set: those of interest are all below 64. */
#define BIT(type) (UINT64_C(1) << (type))

/* The header of a message and the attributes of interest: 450 bytes at most for a link, 80 for a
 * route. */
typedef union Excerpt {
        struct nlmsghdr message;
        char bytes[512];
} Excerpt;

static int errno_of_parsing(int error) {
        return error >= 0 ? 0 : error == -NLE_NOMEM ? -ENOMEM : -EPROTO;
}

static void keep_object(struct nl_object *object, void *userdata) {
        struct nl_object **ret = userdata;

        /* One message is one object; any further one is ignored. */
        if (*ret)
                return;
        nl_object_get(object);
        *ret = object;
}

int rtnl_parse(const struct nlmsghdr *message, struct nl_object **ret) {
        _cleanup_message_ struct nl_msg *copy = nlmsg_convert((struct nlmsghdr *)message);
        _cleanup_(nl_object_putp) struct nl_object *object = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        nlmsg_set_proto(copy, NETLINK_ROUTE);
        r = errno_of_parsing(nl_msg_parse(copy, keep_object, &object));
        if (r >= 0 && !object)
                return -EPROTO;
        if (r >= 0)
                *ret = TAKE_PTR(object);
        return r;
}

static bool has_header(const struct nlmsghdr *message, size_t size) {
        return message->nlmsg_len >= NLMSG_HDRLEN + size;
}

/* Links come by the thousand, with some fifty attributes each, and the RTA macros iterate without
 * function calls. */
#define FOR_EACH_ATTRIBUTE(attribute, message, header, left)                                       \
        for (attribute = (struct rtattr *)((char *)NLMSG_DATA(message) + NLMSG_ALIGN(header)),     \
            left = (int)(message)->nlmsg_len - (int)NLMSG_SPACE(header);                           \
                        RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))

static struct nlattr *find(const struct nlmsghdr *message, size_t header, int type) {
        struct rtattr *attribute;
        int left;

        FOR_EACH_ATTRIBUTE(attribute, message, header, left) {
                if ((attribute->rta_type & NLA_TYPE_MASK) == type)
                        return (struct nlattr *)attribute;
        }
        return NULL;
}

static int excerpt_add(Excerpt *excerpt, const void *bytes, size_t n) {
        size_t used = excerpt->message.nlmsg_len;

        if (n > sizeof(excerpt->bytes) - used)
                return -EPROTO;
        memcpy(excerpt->bytes + used, bytes, n);
        excerpt->message.nlmsg_len += (uint32_t)NLMSG_ALIGN(n);
        return 0;
}

/* -EPROTO: shorter than its header, or an attribute is longer than it can be. */
static int excerpt_take(
                Excerpt *ret, const struct nlmsghdr *message, size_t header, uint64_t wanted) {
        struct rtattr *attribute;
        int left;

        if (!has_header(message, header))
                return -EPROTO;
        ret->message = *message;
        ret->message.nlmsg_len = NLMSG_HDRLEN;
        (void)excerpt_add(ret, NLMSG_DATA(message), header);
        FOR_EACH_ATTRIBUTE(attribute, message, header, left) {
                int type = attribute->rta_type & NLA_TYPE_MASK;

                if (type < 64 && wanted & BIT(type) &&
                                excerpt_add(ret, attribute, attribute->rta_len) < 0)
                        return -EPROTO;
        }
        return 0;
}

int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link **ret) {
        const uint64_t wanted = BIT(IFLA_IFNAME) | BIT(IFLA_IFALIAS) | BIT(IFLA_ADDRESS) |
                        BIT(IFLA_MTU) | BIT(IFLA_MASTER) | BIT(IFLA_GROUP) |
                        BIT(IFLA_NUM_TX_QUEUES) | BIT(IFLA_CARRIER);
        static const struct {
                struct rtattr header;
                char text[1];
        } no_name = { { RTA_LENGTH(1), IFLA_IFNAME }, "" };
        struct nl_object *object;
        Excerpt excerpt;
        int r;

        if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
                return -ENOMSG;
        r = excerpt_take(&excerpt, message, sizeof(struct ifinfomsg), wanted);
        if (r < 0)
                return r;
        if (((const struct ifinfomsg *)NLMSG_DATA(message))->ifi_family != AF_UNSPEC)
                return -ENOMSG;
        if (!find(&excerpt.message, sizeof(struct ifinfomsg), IFLA_IFNAME))
                r = excerpt_add(&excerpt, &no_name, no_name.header.rta_len);
        if (r >= 0)
                r = rtnl_parse(&excerpt.message, &object);
        if (r >= 0)
                *ret = (struct rtnl_link *)object;
        return r;
}

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
                [IFLA_BRPORT_STATE] = { .type = NLA_U8 },
                [IFLA_BRPORT_GUARD] = { .type = NLA_U8 },
                [IFLA_BRPORT_PROTECT] = { .type = NLA_U8 },
                [IFLA_BRPORT_LEARNING] = { .type = NLA_U8 },
                [IFLA_BRPORT_GROUP_FWD_MASK] = { .type = NLA_U16 },
                [IFLA_BRPORT_ISOLATED] = { .type = NLA_U8 },
                [IFLA_BRPORT_LOCKED] = { .type = NLA_U8 },
        };
        struct nlattr *tb[IFLA_BRPORT_MAX + 1], *mask, *state;

        if (nla_parse_nested(tb, IFLA_BRPORT_MAX, data, policy) < 0)
                return -EPROTO;
        mask = tb[IFLA_BRPORT_GROUP_FWD_MASK];
        state = tb[IFLA_BRPORT_STATE];
        *ret = (LinkPort){
                .isolated = flag_of(tb[IFLA_BRPORT_ISOLATED]),
                .locked = flag_of(tb[IFLA_BRPORT_LOCKED]),
                .learning = flag_of(tb[IFLA_BRPORT_LEARNING]),
                .root_block = flag_of(tb[IFLA_BRPORT_PROTECT]),
                .bpdu_guard = flag_of(tb[IFLA_BRPORT_GUARD]),
                .group_fwd_mask = mask ? nla_get_u16(mask) : 0,
                .state = state ? nla_get_u8(state) : LINK_PORT_DISABLED,
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

int rtnl_parse_linkinfo(const struct nlmsghdr *message, LinkInfo *ret) {
        static const struct nla_policy policy[IFLA_INFO_MAX + 1] = {
                [IFLA_INFO_KIND] = { .type = NLA_STRING },
                [IFLA_INFO_SLAVE_KIND] = { .type = NLA_STRING },
                [IFLA_INFO_DATA] = { .type = NLA_NESTED },
                [IFLA_INFO_SLAVE_DATA] = { .type = NLA_NESTED },
        };
        struct nlattr *tb[IFLA_INFO_MAX + 1],
                        *info = find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO);
        char port_kind[16] = "";
        int r = 0;

        if (!info)
                return 0;
        if (nla_parse_nested(tb, IFLA_INFO_MAX, info, policy) < 0)
                return -EPROTO;
        if (tb[IFLA_INFO_KIND])
                nla_strlcpy(ret->kind, tb[IFLA_INFO_KIND], sizeof(ret->kind));
        if (tb[IFLA_INFO_SLAVE_KIND])
                nla_strlcpy(port_kind, tb[IFLA_INFO_SLAVE_KIND], sizeof(port_kind));
        if (tb[IFLA_INFO_DATA] && strcmp(ret->kind, "tun") == 0)
                r = parse_tun(tb[IFLA_INFO_DATA], &ret->tun);
        if (tb[IFLA_INFO_DATA] && strcmp(ret->kind, "bridge") == 0)
                r = parse_bridge(tb[IFLA_INFO_DATA], ret);
        ret->is_bridge_port = strcmp(port_kind, "bridge") == 0;
        if (r >= 0 && tb[IFLA_INFO_SLAVE_DATA] && ret->is_bridge_port)
                r = parse_port(tb[IFLA_INFO_SLAVE_DATA], &ret->port);
        return r;
}

bool rtnl_is_about_port(const struct nlmsghdr *message, int *ret_port) {
        const struct ifinfomsg *header = nlmsg_data(message);

        if (message->nlmsg_type != RTM_NEWLINK || !has_header(message, sizeof(*header)) ||
                        header->ifi_family != AF_BRIDGE)
                return false;
        *ret_port = header->ifi_index;
        return true;
}

static uint32_t master_of(const struct nlmsghdr *message) {
        const struct nlattr *master = nlmsg_find_attr(
                        (struct nlmsghdr *)message, sizeof(struct ifinfomsg), IFLA_MASTER);

        return master && nla_len(master) >= (int)sizeof(uint32_t) ? nla_get_u32(master) : 0;
}

bool rtnl_is_superseded(const struct nlmsghdr *message, const struct nlmsghdr *next) {
        const struct ifinfomsg *one = nlmsg_data(message), *other = nlmsg_data(next);

        return message->nlmsg_type == RTM_NEWLINK && next->nlmsg_type == RTM_NEWLINK &&
                        has_header(message, sizeof(*one)) && has_header(next, sizeof(*other)) &&
                        one->ifi_family == other->ifi_family &&
                        one->ifi_index == other->ifi_index && master_of(message) == master_of(next);
}

bool rtnl_is_about_egress(const struct nlmsghdr *message, int *ret_ifindex) {
        const struct tcmsg *header = nlmsg_data(message);

        if ((message->nlmsg_type != RTM_DELTFILTER && message->nlmsg_type != RTM_DELQDISC) ||
                        !has_header(message, sizeof(*header)))
                return false;
        *ret_ifindex = header->tcm_ifindex;
        return true;
}

bool rtnl_is_about_address(const struct nlmsghdr *message, int *ret_ifindex) {
        const struct ifaddrmsg *header = nlmsg_data(message);

        if ((message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) ||
                        !has_header(message, sizeof(*header)))
                return false;
        *ret_ifindex = (int)header->ifa_index;
        return true;
}

/* A range is reported as its two ends. */
static void take_vlan(PortVlans *vlans, const struct bridge_vlan_info *info) {
        if (info->flags & BRIDGE_VLAN_INFO_RANGE_END && vlans->n > 0)
                vlans->ranges[vlans->n - 1].last = info->vid;
        else if (vlans->n < PORT_VLANS_MAX) {
                vlans->ranges[vlans->n].first = vlans->ranges[vlans->n].last = info->vid;
                vlans->n++;
        }
}

void rtnl_parse_port_vlans(const struct nlmsghdr *message, PortVlans *ret) {
        struct nlattr *all = find(message, sizeof(struct ifinfomsg), IFLA_AF_SPEC), *one;
        int left;

        *ret = (PortVlans){ .n = 0 };
        if (!all)
                return;
        nla_for_each_nested(one, all, left) {
                struct bridge_vlan_info info;

                if (nla_type(one) != IFLA_BRIDGE_VLAN_INFO || nla_len(one) < (int)sizeof(info))
                        continue;
                nla_memcpy(&info, one, sizeof(info));
                take_vlan(ret, &info);
        }
}

LinkPortState rtnl_parse_port_state(const struct nlmsghdr *message) {
        struct nlattr *port = nlmsg_find_attr(
                        (struct nlmsghdr *)message, sizeof(struct ifinfomsg), IFLA_PROTINFO);
        struct nlattr *state =
                        port ? nla_find(nla_data(port), nla_len(port), IFLA_BRPORT_STATE) : NULL;

        return state && nla_len(state) >= 1 ? nla_get_u8(state) : LINK_PORT_DISABLED;
}

int rtnl_parse_route(const struct nlmsghdr *message, struct rtnl_route **ret) {
        const uint64_t wanted = BIT(RTA_DST) | BIT(RTA_OIF) | BIT(RTA_GATEWAY);
        Excerpt excerpt;
        int r = excerpt_take(&excerpt, message, sizeof(struct rtmsg), wanted);

        return r < 0 ? r : errno_of_parsing(rtnl_route_parse(&excerpt.message, ret));
}

const struct nlattr *rtnl_find_in_family(const struct nlmsghdr *message, int family, int type) {
        const struct nlattr *all = find(message, sizeof(struct ifinfomsg), IFLA_AF_SPEC);
        const struct nlattr *one = all ? nla_find(nla_data(all), nla_len(all), family) : NULL;

        return one ? nla_find(nla_data(one), nla_len(one), type) : NULL;
}

const struct nlattr *rtnl_find_in_route(const struct nlmsghdr *message, int type) {
        return find(message, sizeof(struct rtmsg), type);
}

struct nl_msg *rtnl_build_link_change(struct rtnl_link *changes) {
        struct nl_msg *message;

        /* libnl takes only the ifindex and the family from the original, and the changes have both.
         */
        if (rtnl_link_build_change_request(changes, changes, 0, &message) < 0)
                return NULL;
        nlmsg_hdr(message)->nlmsg_type = RTM_SETLINK;
        return message;
}

static int put_extent(struct nl_msg *message) {
        const uint32_t mask = RTEXT_FILTER_SKIP_STATS;
        struct nlattr *there = find(nlmsg_hdr(message), sizeof(struct ifinfomsg), IFLA_EXT_MASK);

        if (!there)
                return nla_put_u32(message, IFLA_EXT_MASK, mask);
        memcpy(nla_data(there), &mask, sizeof(mask));
        return 0;
}

struct nl_msg *rtnl_build_link_get(int ifindex, const char *name) {
        _cleanup_message_ struct nl_msg *message = NULL;

        if (rtnl_link_build_get_request(ifindex, name, &message) < 0 || put_extent(message) < 0)
                return NULL;
        return TAKE_PTR(message);
}

struct nl_msg *rtnl_build_link_dump(int master) {
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
        _cleanup_message_ struct nl_msg *message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP);

        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
                        put_extent(message) < 0 ||
                        (master > 0 && nla_put_u32(message, IFLA_MASTER, (uint32_t)master) < 0))
                return NULL;
        return TAKE_PTR(message);
}

struct nl_msg *rtnl_build_dump(int type, int family) {
        struct rtgenmsg header = { .rtgen_family = (unsigned char)family };
        _cleanup_message_ struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_DUMP);

        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return NULL;
        return TAKE_PTR(message);
}

struct nl_msg *rtnl_build_fdb_get(struct rtnl_neigh *neighbour, int bridge) {
        _cleanup_message_ struct nl_msg *message = NULL;

        /* Otherwise libnl asks for a permanent entry, which the kernel refuses. */
        rtnl_neigh_set_state(neighbour, 0);
        if (rtnl_neigh_build_add_request(neighbour, 0, &message) < 0 ||
                        nla_put_u32(message, NDA_MASTER, (uint32_t)bridge) < 0)
                return NULL;
        nlmsg_hdr(message)->nlmsg_type = RTM_GETNEIGH;
        return TAKE_PTR(message);
}

struct nl_msg *rtnl_build_rule_get(struct rtnl_cls *classifier) {
        struct nl_msg *message;

        /* The hash table that each classifier has: if it exists, there are rules. */
        rtnl_tc_set_handle(TC_CAST(classifier), TC_U32_ROOT);
        if (rtnl_cls_build_add_request(classifier, 0, &message) < 0)
                return NULL;
        nlmsg_hdr(message)->nlmsg_type = RTM_GETTFILTER;
        return message;
}

struct nl_msg *rtnl_build_netconf_get(int family, int ifindex) {
        struct netconfmsg header = { .ncm_family = (unsigned char)family };
        _cleanup_message_ struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNETCONF, 0);

        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
                        nla_put_u32(message, NETCONFA_IFINDEX, (uint32_t)ifindex) < 0)
                return NULL;
        return TAKE_PTR(message);
}

/* Re-opens the nest of that type if it is the last attribute of the message, so that more can be
 * appended, or begins a new one. nla_nest_end() closes it as usual. NULL: there is no room, or the
 * nest exists and something follows it. */
static struct nlattr *open_nest(struct nl_msg *message, int type) {
        struct nlattr *there =
                        find(nlmsg_hdr(message), sizeof(struct ifinfomsg), type & NLA_TYPE_MASK);

        if (!there)
                return nla_nest_start(message, type);
        if ((char *)there + NLA_ALIGN(there->nla_len) != (char *)nlmsg_tail(nlmsg_hdr(message)))
                return NULL;
        return there;
}

int rtnl_put_port(struct nl_msg *message, const LinkPort *flags) {
        struct nlattr *nest = open_nest(message, IFLA_PROTINFO | NLA_F_NESTED);

        if (!nest || nla_put_u8(message, IFLA_BRPORT_ISOLATED, flags->isolated) < 0 ||
                        nla_put_u8(message, IFLA_BRPORT_LOCKED, flags->locked) < 0)
                return -ENOMEM;
        nla_nest_end(message, nest);
        return 0;
}

int rtnl_put_port_forwarding(struct nl_msg *message, uint16_t group_fwd_mask) {
        struct nlattr *nest = open_nest(message, IFLA_PROTINFO | NLA_F_NESTED);

        if (!nest || nla_put_u16(message, IFLA_BRPORT_GROUP_FWD_MASK, group_fwd_mask) < 0)
                return -ENOMEM;
        nla_nest_end(message, nest);
        return 0;
}

int rtnl_put_bridge(struct nl_msg *message) {
        struct nlattr *info = open_nest(message, IFLA_LINKINFO), *data;

        data = info ? nla_nest_start(message, IFLA_INFO_DATA) : NULL;
        if (!data || nla_put_u32(message, IFLA_BR_STP_STATE, 0) < 0 ||
                        nla_put_u8(message, IFLA_BR_MCAST_SNOOPING, 0) < 0)
                return -ENOMEM;
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        return 0;
}

/* The options of the rule are the last attribute of libnl's message, so an action can be appended
 * to them. */
int rtnl_put_action(struct nl_msg *message, const RtnlAction *action) {
        struct nlattr *options =
                        nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct tcmsg), TCA_OPTIONS);
        struct nlattr *actions, *first, *data;

        if (!options)
                return -ENOMEM;
        actions = nla_nest_start(message, TCA_U32_ACT);
        first = actions ? nla_nest_start(message, 1) : NULL;
        if (!first || nla_put_string(message, TCA_ACT_KIND, action->kind) < 0)
                return -ENOMEM;
        data = nla_nest_start(message, TCA_ACT_OPTIONS);
        if (!data || nla_put(message, action->type, action->size, action->parameters) < 0)
                return -ENOMEM;
        nla_nest_end(message, data);
        nla_nest_end(message, first);
        nla_nest_end(message, actions);
        nla_nest_end(message, options);
        return 0;
}
