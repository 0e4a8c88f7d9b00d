/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "util/cleanup.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

/* A message about one link. flags != 0: those bits of IFF_* are set. NULL: out of memory. */
static struct nl_msg *link_message(int type, int nl_flags, int ifindex, unsigned flags) {
        struct ifinfomsg header = {
                .ifi_family = AF_UNSPEC,
                .ifi_index = ifindex,
                .ifi_flags = flags,
                .ifi_change = flags,
        };
        struct nl_msg *message = nlmsg_alloc_simple(type, nl_flags);

        if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

typedef struct Lookup {
        LinkInfo link;
        bool found;
} Lookup;

static int take_link(const struct nlmsghdr *message, void *userdata) {
        Lookup *lookup = userdata;
        int r = link_parse(message, &lookup->link);

        lookup->found = lookup->found || r >= 0;
        return r == -ENOMSG ? 0 : r;
}

/* Counters are not wanted: they are most of the answer. */
static int get(Netlink *netlink, struct nl_msg *message, LinkInfo *ret, Failure *failure) {
        Lookup lookup = { 0 };
        int r;

        if (nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
                return -ENOMEM;
        r = netlink_call(netlink, message, take_link, &lookup, "look the link up", failure);
        if (r < 0)
                return r;
        if (!lookup.found)
                return -ENODEV;
        *ret = lookup.link;
        return 0;
}

int link_get(Netlink *netlink, int ifindex, LinkInfo *ret, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_GETLINK, 0, ifindex, 0);

        return message ? get(netlink, message, ret, failure) : -ENOMEM;
}

int link_get_by_name(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_GETLINK, 0, 0, 0);
        LinkInfo link;
        int r;

        if (!message || nla_put_string(message, IFLA_IFNAME, name) < 0)
                return -ENOMEM;
        r = get(netlink, message, &link, failure);
        if (r < 0)
                return r;
        if (strcmp(link.name, name) != 0)
                return -ENODEV;
        *ret = link;
        return 0;
}

typedef struct Dump {
        int master; /* 0: whatever it is */
        link_each_t each;
        void *userdata;
} Dump;

static int pass_link(const struct nlmsghdr *message, void *userdata) {
        const Dump *dump = userdata;
        LinkInfo link;
        int r = link_parse(message, &link);

        if (r < 0)
                return r == -ENOMSG ? 0 : r;
        /* A kernel before 4.6 does not pick out the ports of a master. */
        if (dump->master > 0 && link.master != dump->master)
                return 0;
        return dump->each(&link, dump->userdata);
}

static int dump_links(Netlink *netlink, Dump *dump, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_GETLINK, NLM_F_DUMP, 0, 0);

        if (!message || nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0 ||
                        (dump->master > 0 &&
                                        nla_put_u32(message, IFLA_MASTER, (uint32_t)dump->master) <
                                                        0))
                return -ENOMEM;
        return netlink_call(netlink, message, pass_link, dump, "list the links", failure);
}

int link_dump(Netlink *netlink, link_each_t each, void *userdata, Failure *failure) {
        Dump dump = { .each = each, .userdata = userdata };

        return dump_links(netlink, &dump, failure);
}

int link_dump_ports(
                Netlink *netlink, int master, link_each_t each, void *userdata, Failure *failure) {
        Dump dump = { .master = master, .each = each, .userdata = userdata };

        return dump_links(netlink, &dump, failure);
}

static int append_no_ipv6_address(struct nl_msg *message) {
        struct nlattr *families = nla_nest_start(message, IFLA_AF_SPEC);
        struct nlattr *inet6 = families ? nla_nest_start(message, AF_INET6) : NULL;

        if (!inet6 || nla_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0)
                return -ENOMEM;
        nla_nest_end(message, inet6);
        nla_nest_end(message, families);
        return 0;
}

static int configure(Netlink *netlink, int ifindex, const LinkSettings *settings, bool ipv6,
                Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, 0);

        if (!message || nla_put_string(message, IFLA_IFALIAS, settings->alias) < 0 ||
                        nla_put(message, IFLA_ADDRESS, sizeof(Mac), &settings->mac) < 0 ||
                        (settings->mtu > 0 && nla_put_u32(message, IFLA_MTU, settings->mtu) < 0) ||
                        (settings->group > 0 &&
                                        nla_put_u32(message, IFLA_GROUP, settings->group) < 0) ||
                        (ipv6 && append_no_ipv6_address(message) < 0))
                return -ENOMEM;
        return netlink_call(
                        netlink, message, NULL, NULL, "set the link's MAC, MTU and alias", failure);
}

int link_configure(Netlink *netlink, int ifindex, const LinkSettings *settings, Failure *failure) {
        Failure first = FAILURE_INIT;
        int r = configure(netlink, ifindex, settings, true, &first);

        if (r == -EAFNOSUPPORT)
                return configure(netlink, ifindex, settings, false, failure);
        if (r < 0 && failure)
                *failure = first;
        return r;
}

int link_set_mac(Netlink *netlink, int ifindex, const Mac *mac, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, 0);

        if (!message || nla_put(message, IFLA_ADDRESS, sizeof(*mac), mac) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "set the link's MAC", failure);
}

int link_set_group(Netlink *netlink, int ifindex, uint32_t group, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, 0);

        if (!message || nla_put_u32(message, IFLA_GROUP, group) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "set the link's group", failure);
}

int link_set_alias(Netlink *netlink, int ifindex, const char *alias, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, 0);

        if (!message || nla_put_string(message, IFLA_IFALIAS, alias) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "set the link's alias", failure);
}

int link_set_mtu(Netlink *netlink, int ifindex, uint32_t mtu, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, 0);

        if (!message || nla_put_u32(message, IFLA_MTU, mtu) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "set the link's MTU", failure);
}

int link_set_master(Netlink *netlink, int ifindex, int master, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, 0);
        int r;

        if (!message || nla_put_u32(message, IFLA_MASTER, (uint32_t)master) < 0)
                return -ENOMEM;
        r = netlink_call(netlink, message, NULL, NULL, "put the tap on the bridge", failure);
        /* So the kernel says that the master is gone. */
        if (r == -EINVAL && link_get(netlink, master, &(LinkInfo){ 0 }, NULL) == -ENODEV)
                return -ENODEV;
        return r;
}

int link_set_up(Netlink *netlink, int ifindex, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_SETLINK, 0, ifindex, IFF_UP);

        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "bring the link up", failure);
}

int link_delete(Netlink *netlink, int ifindex, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = link_message(RTM_DELLINK, 0, ifindex, 0);

        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "delete the link", failure);
}

/* Any socket of the network namespace will do for these two. */
const char *link_name(Netlink *netlink, int ifindex, char buffer[static IFNAMSIZ]) {
        struct ifreq request = { .ifr_ifindex = ifindex };

        if (ifindex <= 0 || ioctl(netlink_fd(netlink), SIOCGIFNAME, &request) < 0)
                *request.ifr_name = '\0';
        memcpy(buffer, request.ifr_name, IFNAMSIZ);
        return buffer;
}

int link_find(Netlink *netlink, const char *name, int *ret, Failure *failure) {
        struct ifreq request = { 0 };

        snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
        if (ioctl(netlink_fd(netlink), SIOCGIFINDEX, &request) < 0)
                return failure_kernel(failure, errno, "look the link up", NULL);
        *ret = request.ifr_ifindex;
        return 0;
}
