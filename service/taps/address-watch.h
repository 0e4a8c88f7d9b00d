/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps the addresses of guests (taps/address-book) in step with what the host knows: the leases of
 * networks (networks/lease-watch), and its neighbour tables. Everything that happens is collected
 * and looked at a moment later, all at once (common/debounce): what guests claim costs a bounded
 * part of the processor, and as many signals as there are moments.
 *
 * Only the neighbours of links on which endpoints are wake the service. The neighbour tables are
 * dumped, in a thread, when such a link is added, when events were lost, and when an endpoint has
 * come to a place where its MAC may be known already. Events are read only after a dump that is
 * under way: they are newer than what they would be compared with.
 */

#include "taps/endpoint.h"

typedef struct AddressWatch AddressWatch;
typedef struct Manager Manager;

/* -ENOMEM, -errno of sockets, inotify_init(2) and the loop. */
int address_watch_new(AddressWatch **ret, Manager *manager);

/* Nothing is looked at any more; jobs may still be under way. Takes NULL. */
void address_watch_stop(AddressWatch *watch);

/* All endpoints must be gone or have left, and so must all jobs. Takes NULL. Returns NULL. */
AddressWatch *address_watch_free(AddressWatch *watch);

/* The endpoint may be new, on another bridge, or its guest may have another MAC. */
void address_watch_place(AddressWatch *watch, Endpoint *endpoint);

/* The endpoint on that bridge that has the lease of that address, given to that MAC. NULL: none. */
const Endpoint *address_watch_find(
                const AddressWatch *watch, int bridge, const char *mac, const char *address);
