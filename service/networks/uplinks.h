/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * IPv4 forwarding for networks of the kind nat: it is switched on for the devices by which the host
 * reaches what guests may reach (networks/egress), one by one, and only where nobody else has. A
 * later run finds these devices (networks/uplink-switch) and can undo it. With the last network
 * that needs it, everything is as before. What somebody else switches off is switched on again, at
 * most 5 times in 60 s; after that it is left off, and the networks warn of it.
 *
 * On-link public addresses (networks/lan.h) are blocked for networks that may not reach the LAN,
 * until their bridges are gone: these depend on the same routes, and so do clashes
 * (networks/network-health).
 *
 * If somebody else (Docker, say) makes the host as a whole forward meanwhile, it is left to them.
 */

#include <systemd/sd-event.h>

#include "networks/egress.h"
#include "networks/network.h"

typedef struct Uplinks Uplinks;

/* networks: a list of Network.link, which is followed. due() is called in the loop when routes,
 * addresses or forwarding have changed, and should call uplinks_update(). -ENOMEM, -errno of the
 * loop. */
typedef void (*uplinks_due_t)(void *userdata);
int uplinks_new(Uplinks **ret, sd_event *event, const List *networks, uplinks_due_t due,
                void *userdata);

/* Leaves forwarding as it is. Takes NULL. Returns NULL. */
Uplinks *uplinks_free(Uplinks *uplinks);

/* Whether, for a new network of the kind nat, IPv6 must be forwarded for networks only: the host
 * does not forward IPv6 now, or only because of another network. */
bool uplinks_should_guard_v6(Netlink *netlink, const List *networks);

/* Looks, at the start, for what an earlier run has switched on. 1: there is something. 0, -ENOMEM,
 * -errno */
int uplinks_find(Uplinks *uplinks, Netlink *netlink);

/* Switches on what the networks need now, and nothing else. The caller logs what fails; the
 * networks warn of it, and it is tried again a second later, then less and less often, but at least
 * once a minute. -errno */
int uplinks_update(Uplinks *uplinks, Netlink *netlink, Failure *failure);

/* By which devices guests reach what is outside, as of the last update; and how often these have
 * changed while there was a network of the kind nat. */
const Egress *uplinks_egress(const Uplinks *uplinks);
unsigned uplinks_egress_changes(const Uplinks *uplinks);

/* The uplinks' table of packet filters: how often it was made, and whether there should be one. */
unsigned uplinks_filter_made(const Uplinks *uplinks);
bool uplinks_have_filter(const Uplinks *uplinks);

/* Somebody else has changed the table: the next update makes it again. */
void uplinks_forget_filter(Uplinks *uplinks);
