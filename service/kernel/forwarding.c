/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/forwarding.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet.h>
#include <netlink/route/netconf.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

typedef struct Answer {
        bool found, on;
} Answer;

static int take_answer(const struct nlmsghdr *message, void *userdata) {
        _cleanup_(nl_object_putp) struct nl_object *object = NULL;
        Answer *answer = userdata;
        int on, r;

        if (message->nlmsg_type != RTM_NEWNETCONF)
                return 0;
        r = rtnl_parse(message, &object);
        if (r < 0)
                return r;
        if (rtnl_netconf_get_forwarding((struct rtnl_netconf *)object, &on) < 0)
                return -EPROTO;
        answer->found = true;
        answer->on = on != 0;
        return 0;
}

int forwarding_get(Netlink *netlink, int family, int ifindex, bool *ret, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = rtnl_build_netconf_get(family, ifindex);
        Answer answer = { .found = false };
        int r;

        if (!message)
                return -ENOMEM;
        r = netlink_call(netlink, message, take_answer, &answer,
                        "see whether packets are forwarded", failure);
        if (r < 0)
                return r == -EINVAL ? -ENODEV : r;
        if (!answer.found)
                return -EOPNOTSUPP;
        *ret = answer.on;
        return 0;
}

/* NULL: that one stays as it is. Both change in one step. */
static int set_values(Netlink *netlink, int ifindex, const uint32_t *on, const uint32_t *mark,
                Failure *failure) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *changes = rtnl_link_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!changes ||
                        (on &&
                                        rtnl_link_inet_set_conf(changes, IPV4_DEVCONF_FORWARDING,
                                                        *on) < 0) ||
                        (mark && rtnl_link_inet_set_conf(changes, IPV4_DEVCONF_TAG, *mark) < 0))
                return -ENOMEM;
        rtnl_link_set_ifindex(changes, ifindex);
        message = rtnl_build_link_change(changes);
        if (!message)
                return -ENOMEM;
        return netlink_call(
                        netlink, message, NULL, NULL, "switch forwarding of the device", failure);
}

int forwarding_set(Netlink *netlink, int ifindex, bool on, Failure *failure) {
        return set_values(netlink, ifindex, &(uint32_t){ on }, NULL, failure);
}

int forwarding_set_marked(Netlink *netlink, int ifindex, bool on, uint32_t mark, Failure *failure) {
        return set_values(netlink, ifindex, &(uint32_t){ on }, &mark, failure);
}

int forwarding_mark(Netlink *netlink, int ifindex, uint32_t mark, Failure *failure) {
        return set_values(netlink, ifindex, NULL, &mark, failure);
}

typedef struct Dump {
        forwarding_each_t each;
        void *userdata;
} Dump;

static int pass_device(const struct nlmsghdr *message, void *userdata) {
        _cleanup_(nl_object_putp) struct nl_object *object = NULL;
        const Dump *dump = userdata;
        int r, ifindex, on;

        if (message->nlmsg_type != RTM_NEWNETCONF)
                return 0;
        r = rtnl_parse(message, &object);
        if (r < 0)
                return r;
        /* Skips the settings "all" and "default", which have no ifindex. */
        if (rtnl_netconf_get_ifindex((struct rtnl_netconf *)object, &ifindex) < 0 ||
                        rtnl_netconf_get_forwarding((struct rtnl_netconf *)object, &on) < 0 ||
                        ifindex <= 0 || on == 0)
                return 0;
        return dump->each(ifindex, dump->userdata);
}

int forwarding_each_on(Netlink *netlink, forwarding_each_t each, void *userdata, Failure *failure) {
        _cleanup_message_ struct nl_msg *message = rtnl_build_dump(RTM_GETNETCONF, AF_INET);
        Dump dump = { .each = each, .userdata = userdata };

        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, pass_device, &dump,
                        "list the devices that forward packets", failure);
}
