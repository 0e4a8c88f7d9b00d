/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

#define _cleanup_address_ _cleanup_(nl_addr_putp)

#define STEP "give the bridge its address"

/* address: as the kernel wants it; NULL: out of memory. broadcast: NULL: none. */
static int add(Netlink *netlink, int ifindex, struct nl_addr *address, struct nl_addr *broadcast,
                Failure *failure) {
        _cleanup_(rtnl_addr_putp) struct rtnl_addr *added = rtnl_addr_alloc();
        _cleanup_(nlmsg_freep) struct nl_msg *message = NULL;

        if (!added || !address || rtnl_addr_set_local(added, address) < 0 ||
                        (broadcast && rtnl_addr_set_broadcast(added, broadcast) < 0))
                return -ENOMEM;
        rtnl_addr_set_ifindex(added, ifindex);
        if (nl_addr_get_family(address) == AF_INET6)
                rtnl_addr_set_flags(added, IFA_F_NODAD);
        if (rtnl_addr_build_add_request(added, NLM_F_REPLACE, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, STEP, failure);
}

static struct nl_addr *address_of(int family, const void *bytes, size_t size, unsigned prefix) {
        struct nl_addr *address = nl_addr_build(family, bytes, size);

        if (address)
                nl_addr_set_prefixlen(address, (int)prefix);
        return address;
}

int address_add_v4(Netlink *netlink, int ifindex, struct in_addr address, unsigned prefix,
                Failure *failure) {
        const uint32_t last = address.s_addr | htonl(UINT32_MAX >> prefix);
        _cleanup_address_ struct nl_addr *local = address_of(AF_INET, &address, sizeof(address),
                                                         prefix),
                                         *broadcast = address_of(AF_INET, &last, sizeof(last), 32);

        return broadcast ? add(netlink, ifindex, local, broadcast, failure) : -ENOMEM;
}

int address_add_v6(Netlink *netlink, int ifindex, const struct in6_addr *address, unsigned prefix,
                Failure *failure) {
        _cleanup_address_ struct nl_addr *local =
                        address_of(AF_INET6, address, sizeof(*address), prefix);

        return add(netlink, ifindex, local, NULL, failure);
}

typedef struct Search {
        int ifindex;
        bool found;
} Search;

static int see_address(const struct nlmsghdr *message, void *userdata) {
        _cleanup_(nl_object_putp) struct nl_object *object = NULL;
        Search *search = userdata;
        struct rtnl_addr *address;

        if (message->nlmsg_type != RTM_NEWADDR)
                return 0;
        /* An address that cannot be parsed does not make the host known to anybody. */
        if (rtnl_parse(message, &object) == -ENOMEM)
                return -ENOMEM;
        address = (struct rtnl_addr *)object;
        search->found |= address && rtnl_addr_get_ifindex(address) == search->ifindex &&
                        rtnl_addr_get_scope(address) < RT_SCOPE_LINK;
        return 0;
}

int address_find_wide(Netlink *netlink, int ifindex, bool *ret, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = rtnl_build_dump(RTM_GETADDR, AF_UNSPEC);
        Search search = { .ifindex = ifindex };
        int r;

        *ret = false;
        if (!message)
                return -ENOMEM;
        r = netlink_call(netlink, message, see_address, &search, "list the addresses", failure);
        *ret = search.found;
        return r;
}

static bool take_bytes(void *to, const struct nl_addr *from, unsigned size) {
        if (!from || nl_addr_get_len(from) != size)
                return false;
        memcpy(to, nl_addr_get_binary_addr(from), size);
        return true;
}

/* On a tunnel the subnet is the peer's; without a peer it is that of the address itself. */
static bool take_address(struct rtnl_addr *object, AddressInfo *ret) {
        const struct nl_addr *local = rtnl_addr_get_local(object),
                             *peer = rtnl_addr_get_peer(object);
        AddressInfo address = { .family = rtnl_addr_get_family(object),
                .ifindex = rtnl_addr_get_ifindex(object),
                .wide = rtnl_addr_get_scope(object) < RT_SCOPE_LINK };
        const unsigned size = address.family == AF_INET ? sizeof(struct in_addr)
                                                        : sizeof(struct in6_addr);
        const int prefix = rtnl_addr_get_prefixlen(object);

        if ((address.family != AF_INET && address.family != AF_INET6) || prefix < 0 ||
                        prefix > (int)size * 8 || !take_bytes(&address.local, local, size) ||
                        !take_bytes(&address.subnet, peer ? peer : local, size))
                return false;
        address.prefix = (uint8_t)prefix;
        *ret = address;
        return true;
}

static int append_address(const struct nlmsghdr *message, void *userdata) {
        _cleanup_(nl_object_putp) struct nl_object *object = NULL;
        AddressList *list = userdata;
        AddressInfo address;

        if (message->nlmsg_type != RTM_NEWADDR)
                return 0;
        /* An address that cannot be parsed is skipped. */
        if (rtnl_parse(message, &object) == -ENOMEM)
                return -ENOMEM;
        if (!object || !take_address((struct rtnl_addr *)object, &address))
                return 0;
        if (list->n == list->size) {
                size_t size = list->size > 0 ? list->size * 2 : 16;
                AddressInfo *more = reallocarray(list->addresses, size, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                list->addresses = more;
                list->size = size;
        }
        list->addresses[list->n++] = address;
        return 0;
}

static int read_addresses(AddressList *list, Netlink *netlink, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = rtnl_build_dump(RTM_GETADDR, AF_UNSPEC);

        list->n = 0;
        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, append_address, list, "list the addresses", failure);
}

int address_list_read(AddressList *list, Netlink *netlink, Failure *failure) {
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r)
                r = read_addresses(list, netlink, failure);
        return r;
}

void address_list_done(AddressList *list) {
        free(list->addresses);
}
