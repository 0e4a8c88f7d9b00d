/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bridges of the host: finding and creating them, what a port may do, and which MAC is behind which
 * port (the forwarding database, FDB). A bridge that is not ours belongs to the administrator: the
 * only thing done to it here is to keep it as it is.
 *
 * Sources: net/bridge/br_if.c, br_fdb.c, br_netlink.c; linux/neighbour.h.
 */

#include <stdbool.h>

#include "kernel/link.h"

#define BRIDGE_PORTS_MAX 1023 /* BR_MAX_PORTS less the number 0 */

/* LinkPort.group_fwd_mask: all reserved frames but those to 01:80:c2:00:00:01 (pause frames), which
 * the bridge drops and the kernel lets nobody forward. */
#define BRIDGE_GROUP_FWD_ALL 0xfffd

/* The bit for frames to 01:80:c2:00:00:00, the destination of BPDUs. Without it they go to the
 * bridge's own spanning tree protocol, if that is on. */
#define BRIDGE_GROUP_FWD_STP 0x0001

/* The bridge of that name. NoSuchBridge (-ENODEV), NotABridge (-EMEDIUMTYPE). */
int bridge_find(Netlink *netlink, const char *name, LinkInfo *ret, Failure *failure);

/* What one of our own bridges is created with. */
typedef struct BridgeSettings {
        const char *name;
        Mac mac;
        uint32_t mtu, group;
} BridgeSettings;

/* Creates a bridge that is down, in one step: without the spanning tree protocol, and flooding
 * multicast to every port, so that no port can divert it to itself. -EEXIST: the name is taken. */
int bridge_create(Netlink *netlink, const BridgeSettings *settings, Failure *failure);

/* Sets all of the port's flags. A port must be on its bridge: flags are lost when it leaves. */
int bridge_set_port(Netlink *netlink, int port, const LinkPort *flags, Failure *failure);

/* An entry of the FDB. */
typedef struct FdbEntry {
        int port;    /* ifindex; the bridge's own for its own MAC */
        bool learnt; /* from a frame; otherwise somebody has set it */
} FdbEntry;

/* Adds a static FDB entry for the MAC on the port. It is sticky as well, since a single spoofed
 * frame moves a merely static entry to another port. -EEXIST: the bridge knows the MAC already;
 * with replace, that entry is replaced. */
int fdb_add_static(Netlink *netlink, int port, const Mac *mac, bool replace, Failure *failure);

/* The same in one VLAN only, rather than in all VLANs of the port. */
int fdb_add_static_in_vlan(Netlink *netlink, int port, const Mac *mac, uint16_t vlan, bool replace,
                Failure *failure);

/* Removes the static entry, in every VLAN. -ENOENT: the port has none for that MAC. */
int fdb_delete_static(Netlink *netlink, int port, const Mac *mac, Failure *failure);

/* Looks up behind which port the MAC is. -ENOENT: the bridge does not know it. -ENODEV: the bridge
 * is gone. -EOPNOTSUPP: a kernel before 5.0. */
int bridge_find_mac(Netlink *netlink, int bridge, const Mac *mac, FdbEntry *ret, Failure *failure);

/* The same in that VLAN; 0: no VLAN, as on a bridge that does not filter VLANs. */
int bridge_find_mac_in_vlan(Netlink *netlink, int bridge, const Mac *mac, uint16_t vlan,
                FdbEntry *ret, Failure *failure);

/* Keeps a bridge as it is when a port of ours comes and goes. A bridge whose MTU was given at
 * creation, and not set since, falls back to 1500 when its last port leaves: so its present MTU is
 * set. A bridge whose MAC nobody set takes the lowest of its ports': with mac, its present one is
 * set. Only the caller knows whether that is the one to keep. -errno of rtnetlink. */
int bridge_pin(Netlink *netlink, const LinkInfo *bridge, bool mac, Failure *failure);

/* Counts its ports in sysfs, up to BRIDGE_PORTS_MAX. -errno of opendir(3). */
int bridge_count_ports(const char *name, unsigned *ret);

/* Whether its MAC was set, and so does not follow its ports'. True if sysfs does not say. */
bool bridge_mac_is_pinned(const char *name);

/* Whether br_netfilter hands its frames of that family (AF_INET, AF_INET6) to the host's IP
 * filters, which may drop them. */
bool bridge_is_filtered(const char *name, int family);
