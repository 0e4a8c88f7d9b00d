/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/bridge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/neighbour.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

#define MTU_MAX                                                                                    \
        65535 /* the kernel's ETH_MAX_MTU: it cannot be raised further, and no tap can have it */

#define ADDR_ASSIGN_TYPE_SET '3' /* NET_ADDR_SET, include/linux/netdevice.h */

int bridge_find(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure) {
        LinkInfo link;
        int r;

        r = link_get_by_name(netlink, name, &link, failure);
        if (r == -ENODEV)
                return failure_set(failure, FAILURE_NO_SUCH_BRIDGE, ENODEV,
                                "There is no bridge named \"%s\" on this host. ListBridges (vnicctl bridges) tells which there are.",
                                name);
        if (r < 0)
                return r;
        if (strcmp(link.kind, "bridge") != 0)
                return failure_set(failure, FAILURE_NOT_A_BRIDGE, EMEDIUMTYPE,
                                "The interface \"%s\" is not a bridge. ListBridges (vnicctl bridges) tells which there are.",
                                name);
        *ret = link;
        return 0;
}

static int put_settings(struct rtnl_link *bridge, const BridgeSettings *settings) {
        _cleanup_(nl_addr_putp) struct nl_addr *address = nl_addr_of_mac(&settings->mac);

        if (!address)
                return -ENOMEM;
        rtnl_link_set_name(bridge, settings->name);
        rtnl_link_set_addr(bridge, address);
        rtnl_link_set_mtu(bridge, settings->mtu);
        rtnl_link_set_group(bridge, settings->group);
        return 0;
}

int bridge_create(Netlink *netlink, const BridgeSettings *settings, Failure *failure) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *bridge = rtnl_link_bridge_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!bridge || put_settings(bridge, settings) < 0 ||
                        rtnl_link_build_add_request(bridge, NLM_F_CREATE | NLM_F_EXCL, &message) <
                                        0 ||
                        rtnl_put_bridge(message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "make the bridge", failure);
}

static void put_flag(struct rtnl_link *changes, unsigned flag, bool on) {
        if (on)
                (void)rtnl_link_bridge_set_flags(changes, flag);
        else
                (void)rtnl_link_bridge_unset_flags(changes, flag);
}

int bridge_set_port(Netlink *netlink, int port, const LinkPort *flags, Failure *failure) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *changes = rtnl_link_alloc();
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!changes)
                return -ENOMEM;
        rtnl_link_set_family(changes, AF_BRIDGE);
        rtnl_link_set_ifindex(changes, port);
        put_flag(changes, RTNL_BRIDGE_ROOT_BLOCK, flags->root_block);
        put_flag(changes, RTNL_BRIDGE_BPDU_GUARD, flags->bpdu_guard);
        put_flag(changes, RTNL_BRIDGE_LEARNING, flags->learning);
        message = rtnl_build_link_change(changes);
        if (!message || rtnl_put_port_forwarding(message, flags->group_fwd_mask) < 0 ||
                        rtnl_put_port(message, flags) < 0)
                return -ENOMEM;
        return netlink_call(
                        netlink, message, NULL, NULL, "set the flags of the bridge port", failure);
}

/* An entry of the FDB. vlan: 0: none. NULL: out of memory. */
static struct rtnl_neigh *fdb_entry(const Mac *mac, uint16_t vlan) {
        _cleanup_(nl_addr_putp) struct nl_addr *address = nl_addr_of_mac(mac);
        struct rtnl_neigh *entry = address ? rtnl_neigh_alloc() : NULL;

        if (!entry)
                return NULL;
        rtnl_neigh_set_family(entry, AF_BRIDGE);
        rtnl_neigh_set_lladdr(entry, address);
        if (vlan > 0)
                rtnl_neigh_set_vlan(entry, vlan);
        return entry;
}

int fdb_add_static_in_vlan(Netlink *netlink, int port, const Mac *mac, uint16_t vlan, bool replace,
                Failure *failure) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *entry = fdb_entry(mac, vlan);
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!entry)
                return -ENOMEM;
        rtnl_neigh_set_ifindex(entry, port);
        rtnl_neigh_set_state(entry, NUD_NOARP);
        rtnl_neigh_set_flags(entry, NTF_MASTER | NTF_STICKY);
        if (rtnl_neigh_build_add_request(entry,
                            NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), &message) < 0)
                return -ENOMEM;
        return netlink_call(
                        netlink, message, NULL, NULL, "tie the guest's MAC to the port", failure);
}

int fdb_add_static(Netlink *netlink, int port, const Mac *mac, bool replace, Failure *failure) {
        return fdb_add_static_in_vlan(netlink, port, mac, 0, replace, failure);
}

int fdb_delete_static(Netlink *netlink, int port, const Mac *mac, Failure *failure) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *entry = fdb_entry(mac, 0);
        _cleanup_message_ struct nl_msg *message = NULL;

        if (!entry)
                return -ENOMEM;
        rtnl_neigh_set_ifindex(entry, port);
        rtnl_neigh_set_flags(entry, NTF_MASTER);
        if (rtnl_neigh_build_delete_request(entry, 0, &message) < 0)
                return -ENOMEM;
        return netlink_call(netlink, message, NULL, NULL, "untie the guest's MAC from the port",
                        failure);
}

static int take_entry(const struct nlmsghdr *message, void *userdata) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *found = NULL;
        FdbEntry *entry = userdata;

        if (message->nlmsg_type != RTM_NEWNEIGH)
                return 0;
        if (rtnl_neigh_parse((struct nlmsghdr *)message, &found) < 0)
                return -EPROTO;
        *entry = (FdbEntry){
                .port = rtnl_neigh_get_ifindex(found),
                .learnt = !(rtnl_neigh_get_state(found) & (NUD_NOARP | NUD_PERMANENT)),
        };
        return 0;
}

int bridge_find_mac_in_vlan(Netlink *netlink, int bridge, const Mac *mac, uint16_t vlan,
                FdbEntry *ret, Failure *failure) {
        _cleanup_(rtnl_neigh_putp) struct rtnl_neigh *asked = fdb_entry(mac, vlan);
        _cleanup_message_ struct nl_msg *message = NULL;
        FdbEntry entry = { 0 };
        int r;

        message = asked ? rtnl_build_fdb_get(asked, bridge) : NULL;
        if (!message)
                return -ENOMEM;
        r = netlink_call(netlink, message, take_entry, &entry, "look the MAC up on the bridge",
                        failure);
        /* This is how the kernel says that the bridge is gone. */
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

/* The first byte of a small file in sysfs or procfs; '\0' if it cannot be read. */
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

/* Setting the present value again has no effect, so the MTU is changed and changed back; without
 * ports nobody notices. It goes up first: devices stacked on the bridge (a macvlan, a VLAN) follow
 * it down but never up again, and below 1280 the bridge loses IPv6 with all its addresses and
 * routes. */
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
        /* An uplink may have joined since the caller looked, and changed it. */
        r = link_get(netlink, bridge->ifindex, &now, failure);
        return r < 0 ? r : link_set_mac(netlink, bridge->ifindex, &now.mac, failure);
}

bool bridge_is_filtered(const char *name, int family) {
        if (family == AF_INET6)
                return first_byte("/proc/sys/net/bridge/bridge-nf-call-ip6tables") == '1' ||
                                first_byte_of_link(name, "bridge/nf_call_ip6tables") == '1';
        return first_byte("/proc/sys/net/bridge/bridge-nf-call-iptables") == '1' ||
                        first_byte_of_link(name, "bridge/nf_call_iptables") == '1';
}
