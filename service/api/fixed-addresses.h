/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The addresses that the guests of networks are sure to get: those of Host= in definitions, and
 * those that were reserved with a tap (the option "address"; its tag says so). dnsmasq finds them
 * in a folder for each network, in one file for each address, which is named like its only line. So
 * nothing is kept here: what the folder has to hold follows from the configuration and the
 * endpoints, after a restart as well.
 *
 * Files are written, and leases are looked at, off the loop, one network at a time.
 */

#include "api/context.h"

/* -ENOMEM, -errno of the loop */
int fixed_addresses_new(FixedAddresses **ret, Service *service, sd_event *event);

/* There are no threads any more. Takes NULL. */
void fixed_addresses_stop(FixedAddresses *addresses);

/* Takes NULL. Returns NULL. */
FixedAddresses *fixed_addresses_free(FixedAddresses *addresses);

typedef enum FixedAddressesHaste {
        FIXED_ADDRESSES_LATER, /* after a pause for further changes */
        FIXED_ADDRESSES_SOON,  /* a guest waits: without the pause, but not for each time in a loop
                                */
        FIXED_ADDRESSES_NOW,
} FixedAddressesHaste;

/* The hosts of a network that was defined, or the endpoints with an address there, have changed:
 * its folder will hold what it has to. */
void fixed_addresses_changed(
                FixedAddresses *addresses, const char *network, FixedAddressesHaste haste);

/* The list of those who wait (RemovalWaiter.link) because a folder is being written, or dnsmasq
 * does not know yet what that of the network holds. NULL: an address can be reserved there. */
List *fixed_addresses_busy(FixedAddresses *addresses, const char *network);

/* An address for the guest with that MAC. */
typedef struct FixedAddress {
        const char *network;
        Network *at; /* NULL: it is not up */
        const NetworkHosts *hosts;
        Mac mac;
        struct in_addr address;
} FixedAddress;

/* Reserves the address, unless a guest that is present has leased it; a lease that nobody present
 * has ends. To be called while fixed_addresses_busy() says so. The waiters of *ret_waiters are told
 * the outcome; if no endpoint has the address when they have been, the reservation is over. data:
 * freed then (free(3)), or at once in case of an error. -ENOMEM */
int fixed_addresses_reserve(FixedAddresses *addresses, const FixedAddress *wanted, void *data,
                List **ret_waiters);

/* For a waiter that was told an error: fills *failure. AddressInUse (-EADDRINUSE), KernelError.
 * Returns the error. */
int fixed_addresses_refusal(const FixedAddresses *addresses, int error, Failure *failure);
