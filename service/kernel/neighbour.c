/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/neighbour.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/event-socket.h"
#include "kernel/message-filter.h"
#include "kernel/rtnl-gaps.h"

#define BATCH_BYTES (16 * 1024)

int neighbour_events_filter(int fd, const int *links, size_t n) {
        static const struct sock_filter beginning[] = {
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_family)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_state)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONST_HTONS(NUD_NOARP), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, MESSAGE_AT(struct ndmsg, ndm_ifindex)),
        };
        struct sock_filter
                        code[sizeof(beginning) / sizeof(*beginning) + 2 * NEIGHBOUR_LINKS_MAX + 1];
        unsigned short at = sizeof(beginning) / sizeof(*beginning);
        const bool all = n > NEIGHBOUR_LINKS_MAX;

        memcpy(code, beginning, sizeof(beginning));
        for (size_t i = 0; i < n && !all; i++) {
                const uint32_t link = CONST_HTONL((uint32_t)links[i]);

                code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, link, 0, 1);
                code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
        }
        code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, all ? UINT32_MAX : 0);
        return message_filter_attach(fd, code, at);
}

int neighbour_events_open(void) {
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH };
        _cleanup_close_ int fd = event_socket_open(NETLINK_ROUTE);
        int r;

        if (fd < 0)
                return fd;
        r = neighbour_events_filter(fd, NULL, 0);
        if (r < 0)
                return r;
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static NeighbourState state_of(const struct nlmsghdr *message, struct rtnl_neigh *entry) {
        const int state = rtnl_neigh_get_state(entry);

        if (message->nlmsg_type != RTM_NEWNEIGH)
                return NEIGHBOUR_GONE;
        return state & (NUD_REACHABLE | NUD_PERMANENT)                ? NEIGHBOUR_CONFIRMED
                        : state & (NUD_STALE | NUD_DELAY | NUD_PROBE) ? NEIGHBOUR_CLAIMED
                                                                      : NEIGHBOUR_GONE;
}

/* false: it is not about an IP address behind a link with MACs, or cannot be parsed. */
static bool parse(const struct nlmsghdr *message, Neighbour *ret) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *entry = NULL;
        const struct nl_addr *address, *mac;

        if ((message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH) ||
                        rtnl_neigh_parse((struct nlmsghdr *)message, &entry) < 0)
                return false;
        address = rtnl_neigh_get_dst(entry);
        mac = rtnl_neigh_get_lladdr(entry);
        *ret = (Neighbour){
                .ifindex = rtnl_neigh_get_ifindex(entry),
                .state = state_of(message, entry),
                .address.family = rtnl_neigh_get_family(entry),
        };
        if (!address || nl_addr_get_len(address) != (ret->address.family == AF_INET ? 4 : 16))
                return false;
        memcpy(ret->address.bytes, nl_addr_get_binary_addr(address), nl_addr_get_len(address));
        if (mac && nl_addr_get_len(mac) == sizeof(ret->mac))
                memcpy(&ret->mac, nl_addr_get_binary_addr(mac), sizeof(ret->mac));
        else
                ret->state = NEIGHBOUR_GONE;
        return (ret->address.family == AF_INET || ret->address.family == AF_INET6) &&
                        ip_address_is_usable(&ret->address);
}

typedef struct Reader {
        neighbour_t each;
        void *userdata;
} Reader;

static void take_event(const struct nlmsghdr *message, void *userdata) {
        const Reader *reader = userdata;
        Neighbour neighbour;

        if (reader->each && parse(message, &neighbour))
                reader->each(&neighbour, reader->userdata);
}

int neighbour_events_read(int fd, neighbour_t each, void *userdata) {
        _Alignas(struct nlmsghdr) char batch[BATCH_BYTES];
        Reader reader = { each, userdata };

        return event_socket_read(fd, batch, sizeof(batch), take_event, &reader);
}

static int take_entry(const struct nlmsghdr *message, void *userdata) {
        take_event(message, userdata);
        return 0;
}

int neighbour_dump(Netlink *netlink, neighbour_t each, void *userdata, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = rtnl_build_dump(RTM_GETNEIGH, AF_UNSPEC);
        Reader reader = { each, userdata };

        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, take_entry, &reader, "list the neighbours", failure);
}
