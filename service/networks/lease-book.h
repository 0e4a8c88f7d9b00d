/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose leases on one network end, and when. A guest that is gone for good leaves its address to
 * the next one at once. One that may come back, by a MAC that was given for it or by its label,
 * finds its address again: that stays reserved as long as there is room for all guests that are
 * there, and no longer than a lease lasts. Pure bookkeeping: who ends a lease is
 * networks/lease-end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/list.h"
#include "common/mac.h"

/* A guest, as far as its lease goes. */
typedef struct LeaseGuest {
        uid_t uid; /* whose it is */
        Mac mac;
        MacState mac_state;
        const char *label; /* "": none */
} LeaseGuest;

/* A guest that is gone. */
typedef struct Departed {
        List link;
        uint64_t since_usec;
        uid_t uid;
        Mac mac;
        char *label;
        bool told;     /* its MAC, by the guest itself */
        bool has_heir; /* a guest of that label is there again, by another MAC: the address is its
                          now */
        Mac heir;
} Departed;

typedef struct LeaseBook {
        List reserved; /* Departed, whoever is gone for longest first */
        List due;      /* Departed, whose leases are to end */
        size_t n_reserved;
} LeaseBook;

void lease_book_init(LeaseBook *book);
void lease_book_done(LeaseBook *book);

/* A guest is gone. returns: it may come back. -ENOMEM */
int lease_book_leave(LeaseBook *book, const LeaseGuest *guest, bool returns, uint64_t now_usec);

/* A guest is there, for the first time or again. */
void lease_book_come(LeaseBook *book, const LeaseGuest *guest, uint64_t now_usec);

/* A guest that is there has this MAC, and had another one before: what that had is its.
 * -ENOMEM */
int lease_book_move(LeaseBook *book, const Mac *before, const LeaseGuest *guest, uint64_t now_usec);

/* So many guests are there, in a network with room for so many: reserved addresses that are in
 * their way become due. */
void lease_book_fit(LeaseBook *book, size_t guests, size_t room);

/* Moves those that are due to the list, which is empty before; departed_free_all() is then the
 * caller's. */
void lease_book_take_due(LeaseBook *book, List *ret);

void departed_free_all(List *departed);
