/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The devices by which the host reaches what guests of networks may reach, and the public addresses
 * that are on-link for it (networks/lan.h), from one dump of its routes. The default route is not
 * enough: a second card, a VPN for some destinations and a router of the LAN count, and there may
 * be no default route at all.
 */

#include "common/list.h"
#include "kernel/address.h"
#include "kernel/route.h"
#include "networks/device-set.h"

/* Starts as { .on_link4 = { NULL } }. */
typedef struct Egress {
        DeviceSet v4, v6;             /* by which guests' packets leave, and answers come back */
        RouteList on_link4, on_link6; /* to public addresses that are on-link */
} Egress;

void egress_done(Egress *egress);

/* networks: a list of Network.link; what clashes with one of them is noted on the way
 * (networks/network-health). -ENOMEM, -errno */
int egress_look(Egress *egress, Netlink *netlink, const List *networks, Failure *failure);

/* Whether a new route may change what the last look has found. */
bool egress_is_news(const Egress *egress, const Route *route);
