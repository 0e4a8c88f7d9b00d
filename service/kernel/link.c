/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/link.h"
#include "kernel/link-parse.h"

#include <errno.h>
#include <linux/if_link.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)
#define _cleanup_changes_ _cleanup_(rtnl_link_putp)

/* An object for the changes to a link. NULL: out of memory. */
static struct rtnl_link *changes_of(int ifindex) {
        struct rtnl_link *changes = rtnl_link_alloc();

        if (changes)
                rtnl_link_set_ifindex(changes, ifindex);
        return changes;
}

static int change(Netlink *netlink, struct rtnl_link *changes, const char *step, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = rtnl_build_link_change(changes);

        return message ? netlink_call(netlink, message, NULL, NULL, step, failure) : -ENOMEM;
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

/* message: NULL: out of memory. */
static int get(Netlink *netlink, struct nl_msg *message, LinkInfo *ret, Failure *failure) {
        Lookup lookup = { 0 };
        int r;

        if (!message)
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
        _cleanup_message_ struct nl_msg *message = NULL;

        /* libnl would end the program. */
        if (ifindex <= 0)
                return failure_kernel(failure, ENODEV, "look the link up", NULL);
        message = rtnl_build_link_get(ifindex, NULL);
        return get(netlink, message, ret, failure);
}

int link_get_by_name(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = rtnl_build_link_get(0, name);
        LinkInfo link;
        int r = get(netlink, message, &link, failure);

        if (r < 0)
                return r;
        if (strcmp(link.name, name) != 0)
                return -ENODEV;
        *ret = link;
        return 0;
}

typedef struct Dump {
        int master; /* 0: any */
        link_each_t each;
        void *userdata;
} Dump;

static int pass_link(const struct nlmsghdr *message, void *userdata) {
        const Dump *dump = userdata;
        LinkInfo link;
        int r = link_parse(message, &link);

        if (r < 0)
                return r == -ENOMSG ? 0 : r;
        /* Kernels before 4.6 ignore the filter by master. */
        if (dump->master > 0 && link.master != dump->master)
                return 0;
        return dump->each(&link, dump->userdata);
}

static int dump_links(Netlink *netlink, Dump *dump, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = rtnl_build_link_dump(dump->master);

        return message ? netlink_call(netlink, message, pass_link, dump, "list the links", failure)
                       : -ENOMEM;
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

static int put_mac(struct rtnl_link *changes, const Mac *mac) {
        _cleanup_(nl_addr_putp) struct nl_addr *address = nl_addr_of_mac(mac);

        if (!address)
                return -ENOMEM;
        rtnl_link_set_addr(changes, address);
        return 0;
}

static int configure(Netlink *netlink, int ifindex, const LinkSettings *settings, bool ipv6,
                Failure *failure) {
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);

        if (!changes || put_mac(changes, &settings->mac) < 0 ||
                        (ipv6 &&
                                        rtnl_link_inet6_set_addr_gen_mode(
                                                        changes, IN6_ADDR_GEN_MODE_NONE) < 0))
                return -ENOMEM;
        rtnl_link_set_ifalias(changes, settings->alias);
        if (settings->mtu > 0)
                rtnl_link_set_mtu(changes, settings->mtu);
        if (settings->group > 0)
                rtnl_link_set_group(changes, settings->group);
        return change(netlink, changes, "set the link's MAC, MTU and alias", failure);
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
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);

        if (!changes || put_mac(changes, mac) < 0)
                return -ENOMEM;
        return change(netlink, changes, "set the link's MAC", failure);
}

int link_set_group(Netlink *netlink, int ifindex, uint32_t group, Failure *failure) {
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);

        if (!changes)
                return -ENOMEM;
        rtnl_link_set_group(changes, group);
        return change(netlink, changes, "set the link's group", failure);
}

int link_set_alias(Netlink *netlink, int ifindex, const char *alias, Failure *failure) {
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);

        if (!changes)
                return -ENOMEM;
        rtnl_link_set_ifalias(changes, alias);
        return change(netlink, changes, "set the link's alias", failure);
}

int link_set_mtu(Netlink *netlink, int ifindex, uint32_t mtu, Failure *failure) {
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);

        if (!changes)
                return -ENOMEM;
        rtnl_link_set_mtu(changes, mtu);
        return change(netlink, changes, "set the link's MTU", failure);
}

int link_set_master(Netlink *netlink, int ifindex, int master, Failure *failure) {
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);
        int r;

        if (!changes)
                return -ENOMEM;
        rtnl_link_set_master(changes, master);
        r = change(netlink, changes, "put the tap on the bridge", failure);
        /* This is how the kernel says that the master is gone. */
        if (r == -EINVAL && link_get(netlink, master, &(LinkInfo){ 0 }, NULL) == -ENODEV)
                return -ENODEV;
        return r;
}

int link_set_up(Netlink *netlink, int ifindex, Failure *failure) {
        _cleanup_changes_ struct rtnl_link *changes = changes_of(ifindex);

        if (!changes)
                return -ENOMEM;
        rtnl_link_set_flags(changes, IFF_UP);
        return change(netlink, changes, "bring the link up", failure);
}

int link_delete(Netlink *netlink, int ifindex, Failure *failure) {
        _cleanup_changes_ struct rtnl_link *link = changes_of(ifindex);
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!link || rtnl_link_build_delete_request(link, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "delete the link", failure);
}

/* Any socket in the network namespace will do for these two. */
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
