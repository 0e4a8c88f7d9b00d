/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/forwarding.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdint.h>

#include "util/cleanup.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

typedef struct Answer {
        bool found, on;
} Answer;

static int take_answer(const struct nlmsghdr *message, void *userdata) {
        Answer *answer = userdata;
        struct nlattr *value;

        if (message->nlmsg_type != RTM_NEWNETCONF)
                return 0;
        value = nlmsg_find_attr(
                        (struct nlmsghdr *)message, sizeof(struct netconfmsg), NETCONFA_FORWARDING);
        if (!value || nla_len(value) != sizeof(uint32_t))
                return -EPROTO;
        answer->found = true;
        answer->on = nla_get_u32(value) != 0;
        return 0;
}

int forwarding_get(Netlink *netlink, int family, int ifindex, bool *ret, Failure *failure) {
        const struct netconfmsg header = { .ncm_family = (unsigned char)family };
        _cleanup_message_ struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNETCONF, 0);
        Answer answer = { .found = false };
        int r;

        if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
                        nla_put_u32(message, NETCONFA_IFINDEX, (uint32_t)ifindex) < 0)
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
        const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
        _cleanup_message_ struct nl_msg *message = nlmsg_alloc_simple(RTM_SETLINK, 0);
        struct nlattr *families, *inet, *values;

        if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        families = nla_nest_start(message, IFLA_AF_SPEC);
        inet = families ? nla_nest_start(message, AF_INET) : NULL;
        values = inet ? nla_nest_start(message, IFLA_INET_CONF) : NULL;
        if (!values || nla_put_u32(message, IPV4_DEVCONF_FORWARDING, on) < 0)
                return -ENOMEM;
        nla_nest_end(message, values);
        nla_nest_end(message, inet);
        nla_nest_end(message, families);
        return netlink_call(
                        netlink, message, NULL, NULL, "switch forwarding of the device", failure);
}
