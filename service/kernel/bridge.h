/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bridges of the host: what makes one a bridge, what a port of it may do, and who is known behind
 * which port (the forwarding database, FDB). Bridges of others belong to the administrator: what is
 * done to one here is to keep it as it is.
 *
 * Sources: net/bridge/br_if.c, br_fdb.c, br_netlink.c; linux/neighbour.h.
 */

#include <stdbool.h>

#include "kernel/link.h"

#define BRIDGE_PORTS_MAX 1023 /* BR_MAX_PORTS less the number 0 */

/* LinkPort.group_fwd_mask: all reserved frames but those to 01:80:c2:00:00:01 (pause frames), which
 * the bridge drops and the kernel lets nobody forward. */
#define BRIDGE_GROUP_FWD_ALL 0xfffd

/* The bit of those to 01:80:c2:00:00:00, which BPDUs go to. Without it the bridge's own spanning
 * tree protocol, where it is on, gets them. */
#define BRIDGE_GROUP_FWD_STP 0x0001

/* The bridge of that name. NoSuchBridge (-ENODEV), NotABridge (-EMEDIUMTYPE). */
int bridge_find(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure);

/* What one of ours is made with. */
typedef struct BridgeSettings {
        const char *name;
        Mac mac;
        uint32_t mtu, group;
} BridgeSettings;

/* Makes a bridge that is down, in one step: without the spanning tree protocol, and passing
 * multicast to every port, so that no port can make itself the one that gets it. -EEXIST: the name
 * is taken. */
int bridge_create(Netlink *netlink, const BridgeSettings *settings, Failure *failure);

/* Sets all of the port's flags. A port must be on its bridge: flags are lost when it leaves. */
int bridge_set_port(Netlink *netlink, int port, const LinkPort *flags, Failure *failure);

/* An entry of the FDB. */
typedef struct FdbEntry {
        int port;    /* ifindex; the bridge's own for its own MAC */
        bool learnt; /* from a frame; else somebody has set it */
} FdbEntry;

/* Ties a MAC to a port: static and sticky, since one spoofed frame moves a merely static entry to
 * another port. -EEXIST: the bridge knows the MAC already; with replace, what it knows is replaced.
 */
int fdb_add_static(Netlink *netlink, int port, const Mac *mac, bool replace, Failure *failure);

/* In one VLAN; without it, in all that the port is in. */
int fdb_add_static_in_vlan(Netlink *netlink, int port, const Mac *mac, uint16_t vlan, bool replace,
                Failure *failure);

/* Takes that away again, in every VLAN. -ENOENT: it is not tied to the port. */
int fdb_delete_static(Netlink *netlink, int port, const Mac *mac, Failure *failure);

/* Where the bridge knows the MAC. -ENOENT: nowhere. -ENODEV: the bridge is gone. -EOPNOTSUPP: a
 * kernel before 5.0. */
int bridge_find_mac(Netlink *netlink, int bridge, const Mac *mac, FdbEntry *ret, Failure *failure);

/* In that VLAN; 0: in none, as on a bridge that does not filter VLANs. */
int bridge_find_mac_in_vlan(Netlink *netlink, int bridge, const Mac *mac, uint16_t vlan,
                FdbEntry *ret, Failure *failure);

/* A bridge is to stay as it is when a port of ours comes and goes. One whose MTU was given when it
 * was made, and not set since, falls back to 1500 when its last port leaves: its present MTU is
 * set. One whose MAC nobody set takes the lowest of its ports': with mac, its present one is set.
 * Not before it is the one that the bridge is to keep, which the caller knows. -errno of rtnetlink.
 */
int bridge_pin(Netlink *netlink, const LinkInfo *bridge, bool mac, Failure *failure);

/* How many ports it has, as sysfs tells; at most BRIDGE_PORTS_MAX. -errno of opendir(3). */
int bridge_count_ports(const char *name, unsigned *ret);

/* Whether its MAC was set, and so does not follow its ports'. True where sysfs does not tell. */
bool bridge_mac_is_pinned(const char *name);

/* Whether br_netfilter hands its frames of that family (AF_INET, AF_INET6) to the host's IP
 * filters, which may drop them. */
bool bridge_is_filtered(const char *name, int family);
