/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What of the host forwards for networks of the kind nat: the devices by which it reaches what
 * guests may go to (networks/egress), one by one, and only those on which nobody else had switched
 * it on. Which these are is known to whoever comes after us (networks/uplink-switch), who can undo
 * it. With the last network that needs it all is as it was. What somebody else switches off is
 * switched on again, at most 5 times in 60 s; after that it is left, and the networks warn of it.
 *
 * Beside it, what is near the host (networks/lan.h) is kept from the networks that are not to reach
 * it, until their bridges have gone: that changes with the same routes. And so do clashes
 * (networks/network-health).
 *
 * A host that is made to forward as a whole meanwhile (by Docker, say) is left to whoever did that.
 */

#include <systemd/sd-event.h>

#include "networks/network.h"

typedef struct Uplinks Uplinks;

/* networks: Network.link, from then on. due() is called in the loop when routes, addresses or what
 * the host forwards have changed, for uplinks_update() then. -ENOMEM, -errno of the loop. */
typedef void (*uplinks_due_t)(void *userdata);
int uplinks_new(Uplinks **ret, sd_event *event, const List *networks, uplinks_due_t due,
                void *userdata);

/* Leaves everything switched as it is. Takes NULL. Returns NULL. */
Uplinks *uplinks_free(Uplinks *uplinks);

/* Whether a new network of the kind nat is to see to it that IPv6 is forwarded for networks only:
 * the host forwards none now, or only because of another. */
bool uplinks_should_guard_v6(Netlink *netlink, const List *networks);

/* At the start: looks for what somebody before us switched on. 1: there is something. 0, -ENOMEM,
 * -errno */
int uplinks_find(Uplinks *uplinks, Netlink *netlink);

/* Switches what the networks need now, and nothing else. What fails is logged by whom it
 * is returned to; the networks warn of it, and it is tried again a second later, then more and more
 * rarely, once a minute at least. -errno */
int uplinks_update(Uplinks *uplinks, Netlink *netlink, Failure *failure);

/* Their table of packet filters: how often it was made, and whether there should be one. */
unsigned uplinks_filter_made(const Uplinks *uplinks);
bool uplinks_have_filter(const Uplinks *uplinks);

/* Somebody else has changed it: the next update makes it anew. */
void uplinks_forget_filter(Uplinks *uplinks);
