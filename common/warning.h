/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words by which programs know warnings, whatever their sentences say; org.vnicd1(5) explains
 * them. They stay as they are: programs compare them.
 */

#include <stddef.h>

/* Manager: what this host lacks (api/manager-interface.c) */
#define WARNING_RESERVED_FRAMES     "reserved-frames"
#define WARNING_LOST_TAPS           "lost-taps"
#define WARNING_SOURCES_TAKEN       "guest-macs-taken"
#define WARNING_SOURCES_UNSUPPORTED "guest-macs-unsupported"

/* Endpoint: what differs from its creation (taps/endpoint.c) */
#define WARNING_RENAMED     "renamed"
#define WARNING_BRIDGE      "wrong-bridge"
#define WARNING_MTU         "mtu"
#define WARNING_ANTI_SPOOF  "anti-spoof-removed"
#define WARNING_ISOLATED    "isolation-removed"
#define WARNING_FILTERS     "port-changed"
#define WARNING_DOWN        "down"
#define WARNING_PERSISTENCE "made-persistent"
#define WARNING_OWNER       "owner-changed"
#define WARNING_HEADER      "no-vnet-hdr"
#define WARNING_VLAN        "vlan-mac-in-use"
#define WARNING_LISTENING   "stp-listening"
#define WARNING_BLOCKED     "stp-blocked"
#define WARNING_GUARD       "port-disabled"
#define WARNING_SOURCES     "other-macs-dropped"
#define WARNING_END         "not-persistent"

/* Network: its unit (api/network-units.c), what networks/network.h enumerates, a foreign port */
#define WARNING_UNIT          "service"
#define WARNING_DHCP          "dhcp-dropped"
#define WARNING_DNS           "dns-dropped"
#define WARNING_FIREWALL      "forwarding-dropped"
#define WARNING_TABLES        "filters-changed"
#define WARNING_NO_IPV6       "no-ipv6"
#define WARNING_ADDRESSES     "addresses-missing"
#define WARNING_CLASH         "subnet-clash"
#define WARNING_FORWARDING    "ipv4-forwarding-off"
#define WARNING_FORWARDING_V6 "ipv6-forwarding-off"
#define WARNING_CHECKSUMS     "dhcp-checksums"
#define WARNING_FOREIGN_PORT  "foreign-port"

/* ListBridges (api/list-bridges.c); the second one of networks, too */
#define WARNING_BRIDGE_MAC   "bridge-mac-not-set"
#define WARNING_BR_NETFILTER "br-netfilter"

#define WARNINGS_MAX 31

/* The warnings of one object, in the order in which they are shown. Both arrays end with NULL. */
typedef struct Warnings {
        const char *codes[WARNINGS_MAX + 1], *sentences[WARNINGS_MAX + 1];
        size_t n;
} Warnings;

#define WARNINGS_INIT ((Warnings){ .n = 0 })

/* Borrows both. */
static inline void warnings_add(Warnings *warnings, const char *code, const char *sentence) {
        if (warnings->n == WARNINGS_MAX)
                return;
        warnings->codes[warnings->n] = code;
        warnings->sentences[warnings->n++] = sentence;
}
