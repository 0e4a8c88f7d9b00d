/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/qdisc.h"

#include <errno.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>

#include "common/cleanup.h"

static void rtnl_qdisc_putp(struct rtnl_qdisc **qdisc) {
        rtnl_qdisc_put(*qdisc);
}

int qdisc_set_noqueue(Netlink *netlink, int ifindex, Failure *failure) {
        _cleanup_(rtnl_qdisc_putp) struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
        _cleanup_(nlmsg_freep) struct nl_msg *message = NULL;

        if (!qdisc)
                return -ENOMEM;
        rtnl_tc_set_ifindex(TC_CAST(qdisc), ifindex);
        rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
        if (rtnl_tc_set_kind(TC_CAST(qdisc), "noqueue") < 0 ||
                        rtnl_qdisc_build_add_request(
                                        qdisc, NLM_F_CREATE | NLM_F_REPLACE, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "set the queueing discipline of the tap",
                        failure);
}
