/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/bridge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "util/cleanup.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

#define MTU_MAX                                                                                    \
        65535 /* ETH_MAX_MTU of the kernel: there is no way up from it, and no tap can have it */

#define ADDR_ASSIGN_TYPE_SET '3' /* NET_ADDR_SET, include/linux/netdevice.h */

int bridge_find(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure) {
        LinkInfo link;
        int r;

        r = link_get_by_name(netlink, name, &link, failure);
        if (r == -ENODEV)
                return failure_set(failure, FAILURE_NO_SUCH_BRIDGE, ENODEV,
                                "There is no bridge named \"%s\" on this host. "
                                "ListBridges (vnicctl bridges) tells which there are.",
                                name);
        if (r < 0)
                return r;
        if (strcmp(link.kind, "bridge") != 0)
                return failure_set(failure, FAILURE_NOT_A_BRIDGE, EMEDIUMTYPE,
                                "The interface \"%s\" is not a bridge. "
                                "ListBridges (vnicctl bridges) tells which there are.",
                                name);
        *ret = link;
        return 0;
}

static int append_bridge(struct nl_msg *message) {
        struct nlattr *info = nla_nest_start(message, IFLA_LINKINFO), *data;

        if (!info || nla_put_string(message, IFLA_INFO_KIND, "bridge") < 0)
                return -ENOMEM;
        data = nla_nest_start(message, IFLA_INFO_DATA);
        if (!data || nla_put_u32(message, IFLA_BR_STP_STATE, 0) < 0 ||
                        nla_put_u8(message, IFLA_BR_MCAST_SNOOPING, 0) < 0)
                return -ENOMEM;
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        return 0;
}

int bridge_create(Netlink *netlink, const BridgeSettings *settings, Failure *failure) {
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
        _cleanup_message_ struct nl_msg *message =
                        nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
                        nla_put_string(message, IFLA_IFNAME, settings->name) < 0 ||
                        nla_put(message, IFLA_ADDRESS, sizeof(Mac), &settings->mac) < 0 ||
                        nla_put_u32(message, IFLA_MTU, settings->mtu) < 0 ||
                        nla_put_u32(message, IFLA_GROUP, settings->group) < 0 ||
                        append_bridge(message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "make the bridge", failure);
}

/* flags: NULL: only the mask. */
static int set_port(Netlink *netlink, int port, const LinkPort *flags, uint16_t group_fwd_mask,
                Failure *failure) {
        struct ifinfomsg header = { .ifi_family = AF_BRIDGE, .ifi_index = port };
        _cleanup_message_ struct nl_msg *message = nlmsg_alloc_simple(RTM_SETLINK, 0);
        struct nlattr *nest;

        if (!message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
                return -ENOMEM;
        nest = nla_nest_start(message, IFLA_PROTINFO | NLA_F_NESTED);
        if (!nest || nla_put_u16(message, IFLA_BRPORT_GROUP_FWD_MASK, group_fwd_mask) < 0)
                return -ENOMEM;
        if (flags &&
                        (nla_put_u8(message, IFLA_BRPORT_LEARNING, flags->learning) < 0 ||
                                        nla_put_u8(message, IFLA_BRPORT_ISOLATED, flags->isolated) <
                                                        0 ||
                                        nla_put_u8(message, IFLA_BRPORT_LOCKED, flags->locked) < 0))
                return -ENOMEM;
        nla_nest_end(message, nest);
        return netlink_call(
                        netlink, message, NULL, NULL, "set the flags of the bridge port", failure);
}

int bridge_set_port(Netlink *netlink, int port, const LinkPort *flags, Failure *failure) {
        return set_port(netlink, port, flags, flags->group_fwd_mask, failure);
}

int bridge_set_forwarding(Netlink *netlink, int port, uint16_t group_fwd_mask, Failure *failure) {
        return set_port(netlink, port, NULL, group_fwd_mask, failure);
}

/* A message about one entry of the FDB. NULL: out of memory. */
static struct nl_msg *fdb_message(
                int type, int nl_flags, const struct ndmsg *header, const Mac *mac) {
        struct nl_msg *message = nlmsg_alloc_simple(type, nl_flags);

        if (message &&
                        (nlmsg_append(message, (void *)header, sizeof(*header), NLMSG_ALIGNTO) <
                                                        0 ||
                                        nla_put(message, NDA_LLADDR, sizeof(*mac), mac) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

int bridge_tie_mac_in_vlan(Netlink *netlink, int port, const Mac *mac, uint16_t vlan, bool replace,
                Failure *failure) {
        const struct ndmsg header = {
                .ndm_family = AF_BRIDGE,
                .ndm_ifindex = port,
                .ndm_state = NUD_NOARP,
                .ndm_flags = NTF_MASTER | NTF_STICKY,
        };
        _cleanup_message_ struct nl_msg *message = fdb_message(RTM_NEWNEIGH,
                        NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), &header, mac);

        if (!message || (vlan > 0 && nla_put_u16(message, NDA_VLAN, vlan) < 0))
                return -ENOMEM;
        return netlink_call(
                        netlink, message, NULL, NULL, "tie the guest's MAC to the port", failure);
}

int bridge_tie_mac(Netlink *netlink, int port, const Mac *mac, bool replace, Failure *failure) {
        return bridge_tie_mac_in_vlan(netlink, port, mac, 0, replace, failure);
}

static int take_entry(const struct nlmsghdr *message, void *userdata) {
        const struct ndmsg *header = nlmsg_data(message);
        FdbEntry *entry = userdata;

        if (message->nlmsg_type == RTM_NEWNEIGH)
                *entry = (FdbEntry){
                        .port = header->ndm_ifindex,
                        .learnt = !(header->ndm_state & (NUD_NOARP | NUD_PERMANENT)),
                };
        return 0;
}

int bridge_find_mac_in_vlan(Netlink *netlink, int bridge, const Mac *mac, uint16_t vlan,
                FdbEntry *ret, Failure *failure) {
        const struct ndmsg header = { .ndm_family = AF_BRIDGE };
        _cleanup_message_ struct nl_msg *message = fdb_message(RTM_GETNEIGH, 0, &header, mac);
        FdbEntry entry = { 0 };
        int r;

        if (!message || nla_put_u32(message, NDA_MASTER, (uint32_t)bridge) < 0 ||
                        (vlan > 0 && nla_put_u16(message, NDA_VLAN, vlan) < 0))
                return -ENOMEM;
        r = netlink_call(netlink, message, take_entry, &entry, "look the MAC up on the bridge",
                        failure);
        /* So the kernel says that the bridge is gone. */
        if (r == -EINVAL && link_get(netlink, bridge, &(LinkInfo){ 0 }, NULL) == -ENODEV)
                return -ENODEV;
        if (r < 0)
                return r;
        *ret = entry;
        return 0;
}

int bridge_find_mac(Netlink *netlink, int bridge, const Mac *mac, FdbEntry *ret, Failure *failure) {
        return bridge_find_mac_in_vlan(netlink, bridge, mac, 0, ret, failure);
}

/* The first byte of a small file of sysfs or procfs; '\0' where it cannot be read. */
static char first_byte(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char byte;

        return fd >= 0 && read(fd, &byte, 1) == 1 ? byte : '\0';
}

static char first_byte_of_link(const char *name, const char *attribute) {
        char path[128];

        snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, attribute);
        return first_byte(path);
}

bool bridge_mac_is_pinned(const char *name) {
        char type = first_byte_of_link(name, "addr_assign_type");

        return type == '\0' || type == ADDR_ASSIGN_TYPE_SET;
}

int bridge_count_ports(const char *name, unsigned *ret) {
        char path[128];
        struct dirent *entry;
        unsigned n = 0;
        DIR *ports;

        *ret = 0;
        snprintf(path, sizeof(path), "/sys/class/net/%s/brif", name);
        ports = opendir(path);
        if (!ports)
                return -errno;
        while ((entry = readdir(ports)))
                n += entry->d_name[0] != '.';
        closedir(ports);
        *ret = n;
        return 0;
}

/* Setting what is set already does not count as setting; and without ports nobody sees the moment. Up and back:
 * what sits on the bridge follows it down (a macvlan, a VLAN) and never comes up again, and below 1280 IPv6 leaves
 * it with all its addresses and routes. */
static int pin_mtu(Netlink *netlink, const LinkInfo *bridge, Failure *failure) {
        unsigned ports;
        int r;

        if (bridge->mtu == ETH_DATA_LEN || bridge->mtu >= MTU_MAX ||
                        bridge_count_ports(bridge->name, &ports) < 0 || ports > 0)
                return 0;
        r = link_set_mtu(netlink, bridge->ifindex, bridge->mtu + 1, failure);
        if (r < 0)
                return r;
        return link_set_mtu(netlink, bridge->ifindex, bridge->mtu, failure);
}

int bridge_pin(Netlink *netlink, const LinkInfo *bridge, bool mac, Failure *failure) {
        int r = pin_mtu(netlink, bridge, failure);

        LinkInfo now;

        if (r < 0 || !mac || bridge_mac_is_pinned(bridge->name))
                return r;
        /* An uplink may have joined since the look, and given it another. */
        r = link_get(netlink, bridge->ifindex, &now, failure);
        return r < 0 ? r : link_set_mac(netlink, bridge->ifindex, &now.mac, failure);
}

bool bridge_is_filtered(const char *name) {
        return first_byte("/proc/sys/net/bridge/bridge-nf-call-iptables") == '1' ||
                        first_byte_of_link(name, "bridge/nf_call_iptables") == '1';
}
