/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter-events.h"

#include <arpa/inet.h> /* before linux/netfilter.h, which does not go with it otherwise */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/event-socket.h"

/* More than the kernel puts into one packet, unless a single rule is larger. */
#define BATCH_BYTES (32 * 1024)

_Static_assert((int)FILTER_FAMILY_INET == NFPROTO_INET && (int)FILTER_FAMILY_ARP == NFPROTO_ARP &&
                                (int)FILTER_FAMILY_BRIDGE == NFPROTO_BRIDGE,
                "The kernel's numbers of families");

/* In messages about tables, chains, rules, sets, elements, objects and flowtables alike, the
 * first attribute is the table's name. */
_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_CHAIN_TABLE &&
                                (int)NFTA_TABLE_NAME == (int)NFTA_RULE_TABLE &&
                                (int)NFTA_TABLE_NAME == (int)NFTA_SET_TABLE &&
                                (int)NFTA_TABLE_NAME == (int)NFTA_SET_ELEM_LIST_TABLE &&
                                (int)NFTA_TABLE_NAME == (int)NFTA_OBJ_TABLE &&
                                (int)NFTA_TABLE_NAME == (int)NFTA_FLOWTABLE_TABLE,
                "The attribute with a table's name");

struct FilterEvents {
        int fd;
        _Alignas(struct nlmsghdr) char batch[BATCH_BYTES];
};

DEFINE_CLEANUP(FilterEvents, filter_events_close)

static int join(int fd) {
        const int group = NFNLGRP_NFTABLES;
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK };

        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0
                        ? -errno
                        : 0;
}

int filter_events_open(FilterEvents **ret) {
        _cleanup_(filter_events_closep) FilterEvents *events = calloc(1, sizeof(FilterEvents));
        int r;

        if (!events)
                return -ENOMEM;
        events->fd = event_socket_open(NETLINK_NETFILTER);
        if (events->fd < 0)
                return events->fd;
        r = join(events->fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(events);
        return 0;
}

FilterEvents *filter_events_close(FilterEvents *events) {
        if (events) {
                close_fd(events->fd);
                free(events);
        }
        return NULL;
}

int filter_events_fd(const FilterEvents *events) {
        return events->fd;
}

/* A message about a new generation adds nothing to the messages before it. */
static bool is_about_table(const struct nlmsghdr *message) {
        const int type = message->nlmsg_type & 0xff;

        return message->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && type != NFT_MSG_NEWGEN &&
                        nlmsg_datalen(message) >= (int)sizeof(struct nfgenmsg);
}

typedef struct Reader {
        filter_event_t event;
        void *userdata;
} Reader;

static void pass_on(const struct nlmsghdr *message, void *userdata) {
        const Reader *reader = userdata;
        const struct nfgenmsg *header = nlmsg_data(message);
        const struct nlattr *name;

        if (!is_about_table(message))
                return;
        name = nlmsg_find_attr((struct nlmsghdr *)message, sizeof(*header), NFTA_TABLE_NAME);
        if (!name || nla_len(name) < 1 || ((const char *)nla_data(name))[nla_len(name) - 1] != '\0')
                return;
        reader->event(&(FilterTable){ .family = (FilterFamily)header->nfgen_family,
                                      .name = nla_get_string(name) },
                        reader->userdata);
}

int filter_events_read(FilterEvents *events, filter_event_t event, void *userdata) {
        Reader reader = { event, userdata };

        return event_socket_read(
                        events->fd, events->batch, sizeof(events->batch), pass_on, &reader);
}
