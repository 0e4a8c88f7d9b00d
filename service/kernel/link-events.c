/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/link-events.h"
#include "kernel/link-parse.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/neighbour.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/event-socket.h"
#include "kernel/message-filter.h"
#include "kernel/rtnl-gaps.h"

/* One link with many virtual functions can fill more than a page. */
#define BATCH_BYTES (64 * 1024)

/* How many batches are read in a row, each of which may supersede messages of the one before. */
#define BATCHES_AT_ONCE 8

struct LinkEvents {
        int fd;
        /* The last message of one stays while the other is filled. */
        _Alignas(struct nlmsghdr) char batches[2][BATCH_BYTES];
};

DEFINE_CLEANUP(LinkEvents, link_events_close)

/* Lets through all messages about links; of those about addresses, no link-local ones; of those
 * about neighbours, only that a bridge has lost an entry that somebody had set; of those about tc,
 * only that rules at the egress of a device, or the qdisc that holds them, are gone, and not those
 * about the queues of every new tap. The kernel sends the latter two one message at a time, so
 * looking at the first is enough. */
static int filter_messages(int fd) {
        static struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_NEWLINK), 16, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELLINK), 15, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELTFILTER), 8, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELQDISC), 7, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_NEWADDR), 9, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELADDR), 8, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(RTM_DELNEIGH), 0, 9),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_family)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_BRIDGE, 0, 7),
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_state)),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CONST_HTONS(NUD_NOARP | NUD_PERMANENT), 6, 5),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, MESSAGE_AT(struct tcmsg, tcm_parent)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONL(RTNL_EGRESS), 4, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONL(TC_H_CLSACT), 3, 2),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct ifaddrmsg, ifa_scope)),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, RT_SCOPE_LINK, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };

        return message_filter_attach(fd, code, sizeof(code) / sizeof(*code));
}

int link_events_open(LinkEvents **ret) {
        _cleanup_(link_events_closep) LinkEvents *events = NULL;
        const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_TC | RTMGRP_IPV4_IFADDR |
                                RTMGRP_IPV6_IFADDR,
        };
        int r;

        events = calloc(1, sizeof(LinkEvents));
        if (!events)
                return -ENOMEM;
        events->fd = event_socket_open(NETLINK_ROUTE);
        if (events->fd < 0)
                return events->fd;
        r = filter_messages(events->fd);
        if (r < 0)
                return r;
        if (bind(events->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;

        *ret = TAKE_PTR(events);
        return 0;
}

LinkEvents *link_events_close(LinkEvents *events) {
        if (events) {
                close_fd(events->fd);
                free(events);
        }
        return NULL;
}

int link_events_fd(const LinkEvents *events) {
        return events->fd;
}

static int parse_lost_entry(const struct nlmsghdr *message, LinkInfo *ret) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *entry = NULL;
        const struct nl_addr *address;

        if (rtnl_neigh_parse((struct nlmsghdr *)message, &entry) < 0)
                return -EPROTO;
        address = rtnl_neigh_get_lladdr(entry);
        if (!address || nl_addr_get_len(address) != sizeof(ret->mac))
                return -EPROTO;
        *ret = (LinkInfo){ .ifindex = rtnl_neigh_get_ifindex(entry) };
        memcpy(&ret->mac, nl_addr_get_binary_addr(address), sizeof(ret->mac));
        return 0;
}

typedef struct Reader {
        link_event_t event;
        void *userdata;
        const struct nlmsghdr *last; /* read, but not yet passed on */
        bool superseded;             /* the message before it */
} Reader;

/* A bridge reports its ports in messages of its own, and some settings only there. A port that
 * leaves appears as a deletion; another message, about the link itself, then shows the new master.
 */
static void pass_on(const Reader *reader, const struct nlmsghdr *message) {
        LinkInfo link = { 0 };

        if (message->nlmsg_type == RTM_DELNEIGH) {
                if (parse_lost_entry(message, &link) >= 0)
                        reader->event(&link, LINK_FDB_GONE, reader->userdata);
        } else if (rtnl_is_about_egress(message, &link.ifindex))
                reader->event(&link, LINK_RULES_GONE, reader->userdata);
        else if (rtnl_is_about_address(message, &link.ifindex))
                reader->event(&link, LINK_ADDRESS, reader->userdata);
        else if (rtnl_is_about_port(message, &link.ifindex)) {
                PortVlans vlans;

                rtnl_parse_port_vlans(message, &vlans);
                link.vlans = &vlans;
                link.port.state = rtnl_parse_port_state(message);
                reader->event(&link, LINK_PORT_IS_NEW, reader->userdata);
        } else if (link_parse(message, &link) >= 0)
                reader->event(&link, message->nlmsg_type == RTM_DELLINK ? LINK_GONE : LINK_IS,
                                reader->userdata);
}

static void take(const struct nlmsghdr *message, void *userdata) {
        Reader *reader = userdata;

        reader->superseded = reader->last && rtnl_is_superseded(reader->last, message);
        if (reader->last && !reader->superseded)
                pass_on(reader, reader->last);
        reader->last = message;
}

/* The batch that does not hold the last message. */
static char *room(LinkEvents *events, const Reader *reader) {
        const char *last = (const char *)reader->last;

        return events->batches[last >= events->batches[0] && last < events->batches[1]];
}

/* A new tap causes nine messages about its state: reading them all would take longer than setting
 * it up. */
int link_events_read(LinkEvents *events, link_event_t event, void *userdata) {
        Reader reader = { .event = event, .userdata = userdata };
        int r = 1;

        for (unsigned i = 0; i < BATCHES_AT_ONCE && r > 0 && (i < 2 || reader.superseded); i++)
                r = event_socket_read(
                                events->fd, room(events, &reader), BATCH_BYTES, take, &reader);
        if (reader.last)
                pass_on(&reader, reader.last);
        return r;
}
