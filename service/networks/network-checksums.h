/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The device that fills in the checksums of DHCP replies, and the rules that lead them there. */

#include "networks/network.h"

/* Has it checked soon that the device exists while it is needed, and no longer. */
void networks_check_checksums(Networks *networks);

/* The same if the link has its name. */
void networks_see_checksum_device(Networks *networks, const LinkInfo *link);

/* Somebody has deleted rules at the egress of this device. */
void networks_see_rules_gone(Networks *networks, int ifindex);

/* Whether no network but this one, which is going, needs the device, if there is one: what a failed
 * start has left is removed, too. */
bool networks_is_last_on_device(const Networks *networks, const Network *network);
