/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The groups (ip-link(8)) that vnicd gives to its links, so that packet filters know them without a rule for each.
 *
 *     0x766e6963              bridges of networks ("vnic")
 *     0x76000000 | ifindex    taps that are made for a network: the lower 24 bits of its bridge's ifindex
 *     0x76000000              taps on a bridge of the host
 *     0x77000000              taps on no bridge, which may speak to the host
 *
 * So a link is a tap that belongs on a bridge if its group has the first byte 0x76 and is not NETWORK_GROUP. An
 * ifindex is never 0.
 */

#include <stdbool.h>
#include <stdint.h>

#define NETWORK_GROUP 0x766e6963U

#define TAP_GROUP_BRIDGED   0x76000000U
#define TAP_GROUP_KIND_MASK 0xff000000U
#define TAP_GROUP_UNBRIDGED 0x77000000U

/* The group of the taps of a network, by the ifindex of its bridge. */
uint32_t network_tap_group(int bridge);

/* The bridge that a tap of this group was made for; 0: it is no such group. Only the lower 24 bits of
 * the ifindex are told. */
int network_of_tap_group(uint32_t group);

/* Whether that is the group of a tap that belongs on a bridge, a network's or the host's. */
bool group_is_of_bridged_tap(uint32_t group);
