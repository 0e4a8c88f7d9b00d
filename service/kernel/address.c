/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "util/cleanup.h"

#define STEP "give the bridge its address"

static struct nl_msg *address_message(int family, int ifindex, unsigned prefix) {
        const struct ifaddrmsg header = {
                .ifa_family = (unsigned char)family,
                .ifa_prefixlen = (unsigned char)prefix,
                .ifa_index = (unsigned)ifindex,
        };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);

        if (message && nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

int address_add_v4(Netlink *netlink, int ifindex, struct in_addr address, unsigned prefix,
                Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = address_message(AF_INET, ifindex, prefix);
        const uint32_t broadcast = address.s_addr | htonl(UINT32_MAX >> prefix);

        if (!message || nla_put(message, IFA_LOCAL, sizeof(address), &address) < 0 ||
                        nla_put(message, IFA_ADDRESS, sizeof(address), &address) < 0 ||
                        nla_put(message, IFA_BROADCAST, sizeof(broadcast), &broadcast) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, STEP, failure);
}

int address_add_v6(Netlink *netlink, int ifindex, const struct in6_addr *address, unsigned prefix,
                Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = address_message(AF_INET6, ifindex, prefix);

        if (!message || nla_put(message, IFA_LOCAL, sizeof(*address), address) < 0 ||
                        nla_put_u32(message, IFA_FLAGS, IFA_F_NODAD) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, STEP, failure);
}

typedef struct Search {
        unsigned ifindex;
        bool found;
} Search;

static int see_address(const struct nlmsghdr *message, void *userdata) {
        const struct ifaddrmsg *header = nlmsg_data(message);
        Search *search = userdata;

        if (message->nlmsg_type == RTM_NEWADDR && nlmsg_datalen(message) >= (int)sizeof(*header) &&
                        header->ifa_index == search->ifindex && header->ifa_scope < RT_SCOPE_LINK)
                search->found = true;
        return 0;
}

int address_find_wide(Netlink *netlink, int ifindex, bool *ret, Failure *failure) {
        const struct ifaddrmsg header = { .ifa_family = AF_UNSPEC };
        _cleanup_(nlmsg_freep) struct nl_msg *message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
        Search search = { .ifindex = (unsigned)ifindex };
        int r;

        *ret = false;
        if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        r = netlink_call(netlink, message, see_address, &search, "list the addresses", failure);
        *ret = search.found;
        return r;
}
