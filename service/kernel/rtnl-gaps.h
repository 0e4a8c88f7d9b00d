/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What libnl-route lacks. Its objects build and parse messages about links, ports, neighbours,
 * addresses, queueing disciplines and routes; what is missing in the oldest supported version (3.7)
 * is in this file, each with the version that has it. No other file
 * assembles an rtnetlink message or looks at its header, and a later libnl makes this one shorter.
 * libnl's caches are not used anywhere: the kernel is the database.
 *
 * A nest that libnl has begun is re-opened at its end, never repeated: the kernel only uses the
 * last of two.
 *
 * Sources: linux/if_link.h, linux/neighbour.h, linux/netconf.h; lib/route of libnl.
 */

#include <linux/pkt_sched.h>
#include <netlink/addr.h>
#include <netlink/route/addr.h>
#include <netlink/route/classifier.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <netlink/route/tc.h>

#include "common/mac.h"
#include "kernel/link-info.h"

/* The parent of rules at a device's egress. */
#define RTNL_EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

/* For _cleanup_: each takes NULL. */
static inline void rtnl_link_putp(struct rtnl_link **link) {
        rtnl_link_put(*link);
}

static inline void rtnl_neigh_putp(struct rtnl_neigh **neighbour) {
        rtnl_neigh_put(*neighbour);
}

static inline void rtnl_addr_putp(struct rtnl_addr **address) {
        rtnl_addr_put(*address);
}

static inline void rtnl_route_putp(struct rtnl_route **route) {
        rtnl_route_put(*route);
}

static inline void nl_object_putp(struct nl_object **object) {
        nl_object_put(*object);
}

static inline void nl_addr_putp(struct nl_addr **address) {
        nl_addr_put(*address);
}

/* NULL: out of memory. */
static inline struct nl_addr *nl_addr_of_mac(const Mac *mac) {
        return nl_addr_build(AF_LLC, mac, sizeof(*mac));
}

/* Parses a copy of the kernel's message into an object, to be released by nl_object_put(). -EPROTO:
 * malformed. */
int rtnl_parse(const struct nlmsghdr *message, struct nl_object **ret);

/* Parses a link without the data of its kind. libnl (any version) rejects a whole link for anything
 * that it does not know in the data of its kind, its address families or its virtual functions, and
 * a link without a name: so it only gets the attributes that are read afterwards, and an empty name
 * if there is none. -EPROTO: malformed. -ENOMSG: not about the link itself, see link_parse(). */
int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link **ret);

/* Parses what rtnl_parse_link() leaves out: the kind, and the data of tun devices (IFLA_TUN_*: no
 * version), bridges (IFLA_BR_*: 3.8 and later) and bridge ports (IFLA_INFO_SLAVE_DATA: no version).
 * The rest of ret stays. */
int rtnl_parse_linkinfo(const struct nlmsghdr *message, LinkInfo *ret);

/* Whether somebody has deleted rules at the egress of a device, or the qdisc that holds them, and
 * of which device (libnl parses the message, but looks up the device in a cache: any version). */
bool rtnl_is_about_egress(const struct nlmsghdr *message, int *ret_ifindex);

/* Whether it is about an address of a link, and which link (libnl parses the message, but looks up
 * the link in a cache: any version). */
bool rtnl_is_about_address(const struct nlmsghdr *message, int *ret_ifindex);

/* Whether it is a bridge's report about one of its ports, and which. */
bool rtnl_is_about_port(const struct nlmsghdr *message, int *ret_port);

/* Whether both report the state of the same link or port with the same master: then only the later
 * one counts. */
bool rtnl_is_superseded(const struct nlmsghdr *message, const struct nlmsghdr *next);

/* The VLANs in a bridge's report. libnl uses a map of 4,096 bits for them, and rejects a message
 * with the mode of a port (any version). */
void rtnl_parse_port_vlans(const struct nlmsghdr *message, PortVlans *ret);

/* The state of the port in a bridge's report (libnl rejects some of these, see above). */
LinkPortState rtnl_parse_port_state(const struct nlmsghdr *message);

/* An attribute of an address family in a message about a link: rtnl_parse_link() leaves it out, and
 * libnl lacks the settings of IPv6 (any version). NULL: there is none. */
const struct nlattr *rtnl_find_in_family(const struct nlmsghdr *message, int family, int type);

/* Parses the destination, device and gateway of a route. libnl rejects a whole route for an
 * encapsulation that it does not know (3.7: all but MPLS): so it does not get any. */
int rtnl_parse_route(const struct nlmsghdr *message, struct rtnl_route **ret);

/* An attribute that rtnl_parse_route() leaves out. NULL: there is none. */
const struct nlattr *rtnl_find_in_route(const struct nlmsghdr *message, int type);

/* The messages below are the caller's to free. NULL: out of memory. */

/* Changes what was set in the object. libnl uses RTM_NEWLINK, which creates a link if the kernel
 * finds none. */
struct nl_msg *rtnl_build_link_change(struct rtnl_link *changes);

/* Requests a link without its counters, which are most of the answer, and without its virtual
 * functions, which libnl always requests (any version). */
struct nl_msg *rtnl_build_link_get(int ifindex, const char *name);

/* Requests all links, or those on a master if the kernel is 4.6 or later (libnl has no filter: any
 * version). 0: any master. */
struct nl_msg *rtnl_build_link_dump(int master);

/* Requests everything of a family; libnl sends such a message itself instead of returning it (any
 * version). */
struct nl_msg *rtnl_build_dump(int type, int family);

/* Asks behind which port of the bridge the neighbour's MAC is (RTM_GETNEIGH for a single entry: no
 * version). */
struct nl_msg *rtnl_build_fdb_get(struct rtnl_neigh *neighbour, int bridge);

/* Requests the settings of that family for the device (libnl can only read all answers into a
 * cache: any version). */
struct nl_msg *rtnl_build_netconf_get(int family, int ifindex);

/* Asks for rules of the classifier u32 with that protocol and preference (libnl only reads all
 * rules into a cache: any version). */
struct nl_msg *rtnl_build_rule_get(struct rtnl_cls *classifier);

/* Adds to a message about a port: IFLA_BRPORT_ISOLATED and IFLA_BRPORT_LOCKED (3.11). -ENOMEM */
int rtnl_put_port(struct nl_msg *message, const LinkPort *flags);

/* Likewise IFLA_BRPORT_GROUP_FWD_MASK (no version). -ENOMEM */
int rtnl_put_port_forwarding(struct nl_msg *message, uint16_t group_fwd_mask);

/* Adds to a message that makes a bridge: no spanning tree, no multicast snooping (3.11). -ENOMEM */
int rtnl_put_bridge(struct nl_msg *message);

/* The action for a packet that matches a rule. */
typedef struct RtnlAction {
        const char *kind;
        int type; /* of the attribute with its parameters */
        const void *parameters;
        int size;
} RtnlAction;

/* Adds the action to a message that creates a rule of the classifier u32 (the action "csum": no
 * version). -ENOMEM */
int rtnl_put_action(struct nl_msg *message, const RtnlAction *action);
