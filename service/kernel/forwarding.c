/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/forwarding.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet.h>
#include <netlink/route/netconf.h>

#include "kernel/rtnl-gaps.h"
#include "util/cleanup.h"

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

int forwarding_set(Netlink *netlink, int ifindex, bool on, Failure *failure) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *changes = rtnl_link_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!changes || rtnl_link_inet_set_conf(changes, IPV4_DEVCONF_FORWARDING, on) < 0)
                return -ENOMEM;
        rtnl_link_set_ifindex(changes, ifindex);
        message = rtnl_build_link_change(changes);
        if (!message)
                return -ENOMEM;
        return netlink_call(
                        netlink, message, NULL, NULL, "switch forwarding of the device", failure);
}
