/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The groups (ip-link(8)) that vnicd gives its links, so that packet filters know them without a
 * rule for each.
 *
 * 0x766e6963 bridges of networks ("vnic") 0x76000000 | ifindex taps made for a network: the lower
 * 24 bits of its bridge's ifindex 0x70000000 | ifindex the same, held: on no bridge, or its port's
 * filters do not stand yet 0x74000000 | ifindex the same, while the first source MAC is awaited
 * 0x72000000 | ifindex the same, where nothing is told of source MACs any more 0x76000000 taps on a
 * bridge of the host 0x70000000 the same, held: its bridge is gone, or its port's filters do not
 * stand 0x70000001 the same, held: somebody has taken it off its bridge, which is there 0x77000000
 * taps on no bridge, which may speak to the host
 *
 * Frames from a tap that is held are dropped at the port, whichever bridge somebody puts it on
 * (taps/tap-filter).
 *
 * So a link is a tap that belongs on a bridge if TAP_GROUP_BRIDGED_MASK leaves
 * TAP_GROUP_BRIDGED_BITS of its group, and its group is not NETWORK_GROUP. An ifindex is never 0,
 * and 1 is lo's.
 */

#include <stdbool.h>
#include <stdint.h>

#define NETWORK_GROUP 0x766e6963U

#define TAP_GROUP_BRIDGED   0x76000000U
#define TAP_GROUP_HELD      0x70000000U
#define TAP_GROUP_TAKEN_OFF 0x70000001U
#define TAP_GROUP_KIND_MASK 0xff000000U
#define TAP_GROUP_AWAITING  0x74000000U
#define TAP_GROUP_UNTOLD    0x72000000U

/* What the first bytes of all groups of taps on bridges have in common. */
#define TAP_GROUP_BRIDGED_MASK 0xf9000000U
#define TAP_GROUP_BRIDGED_BITS 0x70000000U

#define TAP_GROUP_UNBRIDGED 0x77000000U

/* The group of its taps that are held. 0: of taps on bridges of the host. */
uint32_t held_tap_group(int bridge);

/* Whether frames from a tap of this group are dropped. */
bool group_is_held(uint32_t group);

/* Which source MACs of a tap on a network its filters report to vnicd (networks/network-filter). */
typedef enum TapSources {
        TAP_SOURCES_WATCHED, /* each not heard lately: of one that is not its guest's we warn */
        TAP_SOURCES_AWAITED, /* each frame's, in limits: the first other replaces a generated one */
        TAP_SOURCES_UNTOLD,  /* none */
} TapSources;

/* The group of taps of a network, by the ifindex of its bridge, whose sources are watched. */
uint32_t network_tap_group(int bridge);

/* The same group of a tap on a network, with these sources reported. */
uint32_t group_with_sources(uint32_t group, TapSources sources);

TapSources group_sources(uint32_t group);

/* The bridge that a tap of this group was made for; 0: it is no such group. Only the lower 24 bits
 * of the ifindex are known. */
int network_of_tap_group(uint32_t group);

/* Whether that is the group of a tap that was made for the network with this bridge, whichever
 * sources are reported. */
bool group_is_of_network(uint32_t group, int bridge);

/* Whether that is the group of a tap that belongs on a bridge, a network's or the host's. */
bool group_is_of_bridged_tap(uint32_t group);
