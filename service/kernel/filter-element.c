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

#include "util/cleanup.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

#define ANSWER_BYTES 1024

/* NULL: out of memory. */
static struct nl_msg *new_message(int type, int flags, uint8_t family, uint16_t resource) {
        const struct nfgenmsg header = {
                .nfgen_family = family,
                .version = NFNETLINK_V0,
                .res_id = htons(resource),
        };
        struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

        if (message && nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

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

/* The kernel has answered by the time that sendmsg() returns. */
static int read_answer(int fd) {
        uint8_t buffer[ANSWER_BYTES];
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        const struct nlmsghdr *header = (const void *)buffer;
        const struct nlmsgerr *answer = nlmsg_data(header);

        if (n < 0)
                return -errno;
        if (!nlmsg_ok(header, (int)n) || header->nlmsg_type != NLMSG_ERROR ||
                        nlmsg_datalen(header) < (int)sizeof(*answer))
                return -EPROTO;
        return answer->error;
}

/* One transaction. */
static int transact(int fd, struct nl_msg *const messages[static 3]) {
        struct iovec parts[3];
        const struct msghdr all = { .msg_iov = parts, .msg_iovlen = 3 };

        for (size_t i = 0; i < 3; i++) {
                struct nlmsghdr *header = nlmsg_hdr(messages[i]);

                header->nlmsg_seq = (uint32_t)i + 1;
                parts[i] = (struct iovec){ header, header->nlmsg_len };
        }
        return sendmsg(fd, &all, 0) < 0 ? -errno : read_answer(fd);
}

int filter_remove_element(Netlink *netlink, const FilterSet *set, const void *key, size_t size,
                Failure *failure) {
        _cleanup_message_ struct nl_msg *begin =
                        new_message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
        _cleanup_message_ struct nl_msg *removal =
                        new_message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELSETELEM, NLM_F_ACK,
                                        NFPROTO_BRIDGE, 0);
        _cleanup_message_ struct nl_msg *end =
                        new_message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
        int r;

        if (!begin || !removal || !end ||
                        nla_put_string(removal, NFTA_SET_ELEM_LIST_TABLE, set->table) < 0 ||
                        nla_put_string(removal, NFTA_SET_ELEM_LIST_SET, set->name) < 0 ||
                        put_element(removal, key, size) < 0)
                return -ENOMEM;
        r = transact(netlink_fd(netlink), (struct nl_msg *const[]){ begin, removal, end });
        if (r >= 0 || r == -ENOENT)
                return 0;
        return failure_kernel(failure, -r, "take an address out of a filter", NULL);
}
