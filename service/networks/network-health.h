/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the addresses of a network are in order: its bridge still has them, and the host has
 * nothing else in their subnets. An administrator's own address or route is left alone and warned
 * of, as long as it exists.
 */

#include "common/list.h"
#include "kernel/address.h"
#include "kernel/route.h"

/* networks: a list of Network.link. A look begins, sees all routes and addresses, and then warns.
 */
void network_health_begin(const List *networks);
void network_health_see_route(const List *networks, const Route *route);
void network_health_see_addresses(const List *networks, const AddressList *addresses);
void network_health_tell(const List *networks);

/* Whether the route clashes with one of them. */
bool network_health_is_concerned(const List *networks, const Route *route);
