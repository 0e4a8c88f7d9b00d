/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which IP addresses guests use: of each endpoint, at most ADDRESSES_MAX, from two sources. A lease
 * is the word of the network's service. What is heard (the host's neighbour table) is the guest's
 * own word, and somebody else on the bridge may have used its MAC: so it is pending until it was
 * looked up behind which port that MAC is.
 *
 * An endpoint is found by the link on which its guest's address is seen (its bridge) and by the
 * guest's MAC; an address by the link and itself. Neither costs more the more there are. This only
 * keeps the books, and asks nobody; taps/address-watch does. Without memory an address is left out,
 * as where there is no room.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/ip-address.h"
#include "common/list.h"
#include "common/mac.h"

#define ADDRESSES_MAX        16
#define ADDRESS_BOOK_BUCKETS 1024

typedef struct AddressHolder AddressHolder;

typedef enum AddressSource {
        ADDRESS_LEASED = 1 << 0,
        ADDRESS_HEARD = 1 << 1,
        ADDRESS_PENDING = 1 << 2,  /* heard since the last verdict */
        ADDRESS_GIVEN_UP = 1 << 3, /* its lease has ended: it is shown again only if the guest
                                      answers under it, not because the host remembers it */
} AddressSource;

typedef struct KnownAddress {
        List bucket; /* AddressBook.by_address, while it has a source */
        AddressHolder *holder;
        IpAddress address;
        unsigned sources; /* AddressSource; 0: the slot is free */
        unsigned seen_in; /* AddressBook.round, when a source told of it last */
} KnownAddress;

/* Part of each endpoint. Starts as { 0 }. */
struct AddressHolder {
        List bucket;  /* AddressBook.by_mac, while it has a link */
        List changed; /* AddressBook.changed */
        int link;     /* ifindex; 0: none */
        Mac mac;
        bool crowded; /* there was no room for one */
        /* ADDRESSES_MAX of each, once there has been an address; most endpoints never have one. */
        KnownAddress *known;
        IpAddress *shown; /* as of the last address_holder_settle(), sorted */
        size_t n_known, n_shown;
};

typedef struct AddressBook {
        List by_mac[ADDRESS_BOOK_BUCKETS];     /* AddressHolder.bucket */
        List by_address[ADDRESS_BOOK_BUCKETS]; /* KnownAddress.bucket */
        List changed;                          /* AddressHolder.changed: to be settled */
        unsigned round;
        /* In a holder that had none for an address that may still be used. Whoever looks for it
         * clears this. */
        bool has_room_again;
} AddressBook;

void address_book_init(AddressBook *book);

/* The holder's guest has that MAC, on that link (0: none). Where either has changed, its addresses
 * are forgotten. Returns whether it has. */
bool address_book_place(AddressBook *book, AddressHolder *holder, int link, const Mac *mac);

/* Takes it out of its book, if it is in one. */
void address_holder_done(AddressHolder *holder);

/* NULL: none. */
AddressHolder *address_book_find(const AddressBook *book, int link, const Mac *mac);

/* The host's neighbour table says that this MAC has the address now; mac: NULL: nobody has.
 * confirmed: it has just answered. adds: it counts even where it was not known yet. */
void address_book_hear(AddressBook *book, int link, const IpAddress *address, const Mac *mac,
                bool confirmed, bool adds);

/* A lease of the holder's MAC. */
void address_book_lease(AddressBook *book, AddressHolder *holder, const IpAddress *address);

/* A source is read from its beginning to its end: afterwards, address_holder_sweep() takes from a
 * holder what that source has not named since. source: ADDRESS_LEASED or ADDRESS_HEARD. */
void address_book_begin(AddressBook *book);
void address_holder_sweep(AddressBook *book, AddressHolder *holder, AddressSource source);

/* Whether anything was heard of it that waits for a verdict. */
bool address_holder_is_pending(const AddressHolder *holder);

/* Behind which port the MAC of a holder is. */
typedef enum AddressVerdict {
        ADDRESS_VERDICT_OWN,     /* the endpoint's */
        ADDRESS_VERDICT_OTHER,   /* another one: what was heard lately is not of this guest */
        ADDRESS_VERDICT_UNKNOWN, /* the bridge has forgotten: what counted before still does */
} AddressVerdict;

/* Ends what is pending, and works out anew what is shown. Returns whether that has changed. Takes
 * the holder from AddressBook.changed. */
bool address_holder_settle(AddressBook *book, AddressHolder *holder, AddressVerdict verdict);

/* Whether it is one of those that count for the holder. */
bool address_holder_has(const AddressHolder *holder, const IpAddress *address);
