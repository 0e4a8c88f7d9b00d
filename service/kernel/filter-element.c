/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter-element.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/cleanup.h"
#include "kernel/filter-batch.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

static int put_element(struct nl_msg *message, const void *key, size_t size) {
        struct nlattr *elements = nla_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS), *element,
                      *value;

        element = elements ? nla_nest_start(message, NFTA_LIST_ELEM) : NULL;
        value = element ? nla_nest_start(message, NFTA_SET_ELEM_KEY) : NULL;
        if (!value || nla_put(message, NFTA_DATA_VALUE, (int)size, key) < 0)
                return -ENOMEM;
        nla_nest_end(message, value);
        nla_nest_end(message, element);
        nla_nest_end(message, elements);
        return 0;
}

int filter_remove_element(Netlink *netlink, const FilterSet *set, const void *key, size_t size,
                Failure *failure) {
        _cleanup_message_ struct nl_msg *removal =
                        filter_message_new(NFT_MSG_DELSETELEM, NLM_F_ACK, NFPROTO_BRIDGE);
        FilterBatch batch = { .size = 0 };
        int r;

        if (!removal || nla_put_string(removal, NFTA_SET_ELEM_LIST_TABLE, set->table) < 0 ||
                        nla_put_string(removal, NFTA_SET_ELEM_LIST_SET, set->name) < 0 ||
                        put_element(removal, key, size) < 0)
                return -ENOMEM;
        r = filter_batch_append(&batch, removal);
        if (r >= 0)
                r = filter_batch_commit(&batch, netlink);
        if (r >= 0)
                return 1;
        if (r == -ENOENT)
                return 0;
        return failure_kernel(failure, -r, "take an address out of a filter", NULL);
}
