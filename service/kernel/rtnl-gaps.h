/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where libnl-route ends. Messages about links, ports, neighbours, addresses, queueing disciplines
 * and routes are built and read by its objects; what it does not have, in the version that is the
 * least one here (3.7), is in this file, each with the version that has it. No other file puts a
 * message of rtnetlink together or looks at its header, and a later libnl makes this one shorter.
 * There is no cache of libnl anywhere: the kernel is the database.
 *
 * A nest that libnl has begun is opened again at its end, never repeated: of two the kernel takes
 * the last one only.
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

/* Rules for what leaves a device have this parent. */
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

/* Into a copy of the kernel's message, which nl_msg_parse() makes an object of; it lasts until
 * nl_object_put(). -EPROTO: malformed. */
int rtnl_parse(const struct nlmsghdr *message, struct nl_object **ret);

/* A link without its kind. libnl (any version) refuses a whole link for what it does not know in
 * the data of its kind, its address families or its virtual functions, and one without a name: so
 * it is given no more than what is asked of it afterwards, and an empty name where there is none.
 * -EPROTO: malformed. -ENOMSG: not about the link itself, see link_parse(). */
int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link **ret);

/* What rtnl_parse_link() has left out: the kind, and what tun devices (IFLA_TUN_*: no version),
 * bridges (IFLA_BR_*: 3.8 and later) and bridge ports (IFLA_INFO_SLAVE_DATA: no version) say of
 * themselves. The rest of ret stays. */
int rtnl_parse_linkinfo(const struct nlmsghdr *message, LinkInfo *ret);

/* Whether somebody has deleted rules at the egress of a device, or the place where they stand, and
 * of which device (libnl reads the message, and looks for the device in a cache: any version). */
bool rtnl_is_about_egress(const struct nlmsghdr *message, int *ret_ifindex);

/* Whether it is a bridge's word about one of its ports, and about which. */
bool rtnl_is_about_port(const struct nlmsghdr *message, int *ret_port);

/* Whether both say what a link or a port looks like, the same one with the same master: then only
 * the next one counts. */
bool rtnl_is_superseded(const struct nlmsghdr *message, const struct nlmsghdr *next);

/* The VLANs in such a message. libnl has a map of 4,096 bits for them, and refuses a message with
 * the mode of a port (any version). */
void rtnl_parse_port_vlans(const struct nlmsghdr *message, PortVlans *ret);

/* The state of the port in such a message (libnl refuses some of them, see above). */
LinkPortState rtnl_parse_port_state(const struct nlmsghdr *message);

/* What a family says of a link: rtnl_parse_link() leaves it out, and of IPv6 libnl has no settings
 * (any version). NULL: nothing. */
const struct nlattr *rtnl_find_in_family(const struct nlmsghdr *message, int family, int type);

/* A route with its destination, its device and its gateway. libnl refuses a whole route for an
 * encapsulation that it does not know (3.7: all but MPLS): so it is not given any. */
int rtnl_parse_route(const struct nlmsghdr *message, struct rtnl_route **ret);

/* What rtnl_parse_route() has left out. NULL: it has none. */
const struct nlattr *rtnl_find_in_route(const struct nlmsghdr *message, int type);

/* The messages below are the caller's to free. NULL: out of memory. */

/* Sets what the object has been given. libnl says RTM_NEWLINK, which makes a link where the kernel
 * finds none. */
struct nl_msg *rtnl_build_link_change(struct rtnl_link *changes);

/* What a link looks like: without its counters, which are most of the answer, and its virtual
 * functions, which libnl always asks for (any version). */
struct nl_msg *rtnl_build_link_get(int ifindex, const char *name);

/* All links; of a master those on it, where the kernel is 4.6 or later (a filter: no version). 0:
 * whatever the master. */
struct nl_msg *rtnl_build_link_dump(int master);

/* All of a family; libnl sends such a message itself instead of returning it (any version). */
struct nl_msg *rtnl_build_dump(int type, int family);

/* Which port of the bridge the neighbour's MAC is behind (RTM_GETNEIGH for one of them: no
 * version). */
struct nl_msg *rtnl_build_fdb_get(struct rtnl_neigh *neighbour, int bridge);

/* How the device deals with packets of that family (libnl can only read all answers into a cache:
 * any version). */
struct nl_msg *rtnl_build_netconf_get(int family, int ifindex);

/* Whether there are rules of the classifier u32 with that protocol and preference (all rules, into
 * a cache: any version). */
struct nl_msg *rtnl_build_rule_get(struct rtnl_cls *classifier);

/* Adds to a message about a port: IFLA_BRPORT_ISOLATED and IFLA_BRPORT_LOCKED (3.11). -ENOMEM */
int rtnl_put_port(struct nl_msg *message, const LinkPort *flags);

/* Likewise IFLA_BRPORT_GROUP_FWD_MASK (no version). -ENOMEM */
int rtnl_put_port_forwarding(struct nl_msg *message, uint16_t group_fwd_mask);

/* Adds to a message that makes a bridge: no spanning tree, no multicast snooping (3.11). -ENOMEM */
int rtnl_put_bridge(struct nl_msg *message);

/* What is done with a packet for which a rule holds. */
typedef struct RtnlAction {
        const char *kind;
        int type; /* of the attribute that has its parameters */
        const void *parameters;
        int size;
} RtnlAction;

/* Adds to a message that makes a rule of the classifier u32 (the action "csum": no version).
 * -ENOMEM */
int rtnl_put_action(struct nl_msg *message, const RtnlAction *action);
