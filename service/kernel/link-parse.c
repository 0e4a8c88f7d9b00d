/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/link-parse.h"

#include <errno.h>
#include <netlink/route/link.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

/* text may be NULL. */
static void copy_text(char *to, size_t size, const char *text) {
        size_t n = text ? strnlen(text, size - 1) : 0;

        memcpy(to, text ? text : "", n);
        to[n] = '\0';
}

static void copy_mac(Mac *to, const struct nl_addr *address) {
        if (address && nl_addr_get_len(address) == sizeof(*to))
                memcpy(to, nl_addr_get_binary_addr(address), sizeof(*to));
}

/* One whose holder has turned its carrier off is up, until an administrator takes it down. */
static bool is_closed(const LinkInfo *link, bool carrier) {
        return !link->tun.persistent && !carrier && !(link->flags & IFF_UP) &&
                        (!link->tun.multiqueue || link_tun_queues(&link->tun) == 0);
}

int link_parse(const struct nlmsghdr *message, LinkInfo *ret) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *object = NULL;
        LinkInfo link = { 0 };
        int r = rtnl_parse_link(message, &object);

        if (r < 0)
                return r;
        link.ifindex = rtnl_link_get_ifindex(object);
        link.flags = rtnl_link_get_flags(object);
        link.mtu = rtnl_link_get_mtu(object);
        link.group = rtnl_link_get_group(object);
        link.master = rtnl_link_get_master(object);
        link.tx_queues = rtnl_link_get_num_tx_queues(object);
        copy_text(link.name, sizeof(link.name), rtnl_link_get_name(object));
        copy_text(link.alias, sizeof(link.alias), rtnl_link_get_ifalias(object));
        copy_mac(&link.mac, rtnl_link_get_addr(object));
        r = rtnl_parse_linkinfo(message, &link);
        if (r < 0)
                return r;
        if (strcmp(link.kind, "tun") == 0) {
                const bool carrier = rtnl_link_get_carrier(object) != 0;

                if (!link.tun.multiqueue)
                        link.tun.queues = !link.tun.persistent || carrier;
                link.tun.closed = is_closed(&link, carrier);
        }
        *ret = link;
        return 0;
}
