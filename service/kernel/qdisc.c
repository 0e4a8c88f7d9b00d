/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "util/cleanup.h"

int qdisc_set_noqueue(Netlink *netlink, int ifindex, Failure *failure) {
        struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = TC_H_ROOT };
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        nlmsg_alloc_simple(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);

        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
                        nla_put_string(message, TCA_KIND, "noqueue") < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "set the queueing discipline of the tap",
                        failure);
}
