/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a lease ends before its time: its guest gives it back (DHCPRELEASE, RFC 2131), only that the
 * guest is gone and vnicd says so for it. It does that as the guest would have: by a tap of its own
 * that is a port of the network for some milliseconds, and a frame from there to the bridge. So it
 * needs no right that it does not need for taps: no socket of the Internet's families, nothing of
 * the service that gives the leases, and that one needs nothing either. All of it happens off the
 * loop.
 *
 * An address that goes to a guest of the same label is asked for in the name of its new MAC in the
 * same breath.
 */

#include "common/workers.h"
#include "kernel/link.h"
#include "networks/network.h"

/* Whether the link is such a port: none that counts. Only an administrator could make one look like
 * it. */
bool lease_end_is_port(const LinkInfo *link);

/* Has the leases of those (Departed, which are taken over) end. number: one that no other one under
 * way has. -ENOMEM: then they last. */
int lease_end_submit(Workers *workers, const Network *network, unsigned number, List *departed);
