/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * By which devices the host reaches what guests of networks may go to, and what is near it
 * (networks/lan.h): from one look at its routes. That is not the default route alone: a second
 * card, a VPN for some destinations and a router of the LAN count, and there may be no default
 * route at all.
 */

#include "common/list.h"
#include "kernel/address.h"
#include "kernel/route.h"
#include "networks/device-set.h"

/* Starts as { .on_link4 = { NULL } }. */
typedef struct Egress {
        DeviceSet v4, v6;             /* by which guests go out, and answers come back */
        RouteList on_link4, on_link6; /* to public addresses of neighbours */
} Egress;

void egress_done(Egress *egress);

/* networks: of which Network.link; what clashes with one of them is noted on the way
 * (networks/network-health). -ENOMEM, -errno */
int egress_look(Egress *egress, Netlink *netlink, const List *networks, Failure *failure);

/* Whether a route that has come may change what the last look gave. */
bool egress_is_news(const Egress *egress, const Route *route);
