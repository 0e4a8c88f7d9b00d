/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the addresses of a network are as they were made: that its bridge still has them, and
 * that the host has nothing else there. An administrator's own address or route is left alone, and
 * told of; what was said is no longer said when it is over.
 */

#include "common/list.h"
#include "kernel/address.h"
#include "kernel/route.h"

/* networks: List of Network.link. A look begins; then all routes and addresses are seen; then it is
 * told. */
void network_health_begin(const List *networks);
void network_health_see_route(const List *networks, const Route *route);
void network_health_see_addresses(const List *networks, const AddressList *addresses);
void network_health_tell(const List *networks);

/* Whether the route clashes with one of them. */
bool network_health_is_concerned(const List *networks, const Route *route);
