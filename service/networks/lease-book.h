/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose leases on one network end, and when. A guest that is gone for good leaves its address to
 * the next one at once. One that may come back, with a MAC that was given for it or by its label,
 * gets its address again: that stays reserved as long as there is room for all present guests, and
 * no longer than a lease lasts. This only keeps the books; networks/network-leases ends leases.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/list.h"
#include "common/mac.h"

/* A guest, as far as its lease is concerned. */
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
        bool told;     /* the guest itself has told its MAC */
        bool has_heir; /* a guest of that label is back, with another MAC, and inherits the address
                        */
        Mac heir;
} Departed;

typedef struct LeaseBook {
        List reserved; /* Departed, in the order in which they left */
        List due;      /* Departed whose leases are to end */
        size_t n_reserved;
} LeaseBook;

void lease_book_init(LeaseBook *book);
void lease_book_done(LeaseBook *book);

/* A guest has left. returns: it may come back. -ENOMEM */
int lease_book_leave(LeaseBook *book, const LeaseGuest *guest, bool returns, uint64_t now_usec);

/* A guest has come, for the first time or again. */
void lease_book_come(LeaseBook *book, const LeaseGuest *guest, uint64_t now_usec);

/* A present guest has changed its MAC: it inherits the address of the former one. -ENOMEM */
int lease_book_move(LeaseBook *book, const Mac *before, const LeaseGuest *guest, uint64_t now_usec);

/* So many guests are present in a network with room for so many: reserved addresses that they need
 * become due. */
void lease_book_fit(LeaseBook *book, size_t guests, size_t room);

/* Moves those that are due to the list, which must be empty; the caller then frees them with
 * departed_free_all(). */
void lease_book_take_due(LeaseBook *book, List *ret);

void departed_free_all(List *departed);
