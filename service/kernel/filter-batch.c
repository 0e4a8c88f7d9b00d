/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter-batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

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

struct nl_msg *filter_message_new(int type, int flags, uint8_t family) {
        return new_message(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

static int append(FilterBatch *batch, struct nl_msg *message) {
        struct nlmsghdr *header = nlmsg_hdr(message);
        size_t size = NLMSG_ALIGN(header->nlmsg_len);

        if (size > sizeof(batch->bytes) - batch->size)
                return -ENOMEM;
        header->nlmsg_seq = ++batch->sequence;
        memset(batch->bytes + batch->size, 0, size);
        memcpy(batch->bytes + batch->size, header, header->nlmsg_len);
        batch->size += size;
        return 0;
}

static int append_bracket(FilterBatch *batch, int type) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        new_message(type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);

        return message ? append(batch, message) : -ENOMEM;
}

int filter_batch_append(FilterBatch *batch, struct nl_msg *message) {
        int r = batch->size > 0 ? 0 : append_bracket(batch, NFNL_MSG_BATCH_BEGIN);

        return r < 0 ? r : append(batch, message);
}

/* The kernel has answered by the time send() returns; one refusal undoes everything. */
static int read_answers(int fd) {
        _Alignas(struct nlmsghdr) uint8_t buffer[FILTER_BATCH_BYTES];
        bool acknowledged = false;
        int r = 0;

        for (;;) {
                ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
                int left = (int)n;

                if (n <= 0)
                        break;
                for (struct nlmsghdr *header = (void *)buffer; nlmsg_ok(header, left);
                                header = nlmsg_next(header, &left)) {
                        const struct nlmsgerr *answer = nlmsg_data(header);

                        if (header->nlmsg_type != NLMSG_ERROR ||
                                        nlmsg_datalen(header) < (int)sizeof(*answer))
                                continue;
                        acknowledged = true;
                        if (answer->error < 0 && r == 0)
                                r = answer->error;
                }
        }
        return r < 0 || acknowledged ? r : -EIO;
}

int filter_batch_commit(FilterBatch *batch, Netlink *netlink) {
        int r = append_bracket(batch, NFNL_MSG_BATCH_END);

        if (r < 0)
                return r;
        return send(netlink_fd(netlink), batch->bytes, batch->size, 0) < 0
                        ? -errno
                        : read_answers(netlink_fd(netlink));
}
