/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * MAC addresses: pure functions. A virtual NIC has two: the guest's, which its frames carry, and
 * that of the link on the host, which must differ, or the bridge would take the guest's frames for
 * its own. The host's is the guest's with FE as its first byte (FA if the guest's begins with FE):
 * the highest first byte in use, so that a bridge that adopts the lowest MAC of its ports never
 * adopts ours.
 */

#include <net/ethernet.h>
#include <stdbool.h>

#define MAC_TEXT_SIZE 18

typedef struct ether_addr Mac;

/* Exactly xx:xx:xx:xx:xx:xx, hex of either case. -EINVAL. */
int mac_parse(const char *text, Mac *ret);

/* Writes lower-case text into buffer, which it returns. */
const char *mac_format(const Mac *mac, char buffer[static MAC_TEXT_SIZE]);

bool mac_equal(const Mac *a, const Mac *b);

/* Whether a guest may use it: it is unicast and not zero. */
bool mac_is_usable(const Mac *mac);

/* A random 52:54:00:xx:xx:xx. -errno of getrandom(2). */
int mac_generate(Mac *ret);

/* The MAC of the host side for a guest's MAC. */
Mac mac_of_host_side(const Mac *guest);

/* Where the guest's MAC comes from. */
typedef enum MacState {
        MAC_GIVEN,     /* by whoever asked for the tap */
        MAC_GENERATED, /* by us; the guest may not know it */
        MAC_TOLD,      /* learnt from the guest itself, in place of a generated one */
        MAC_STATE_MAX,
} MacState;
