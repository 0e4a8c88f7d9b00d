/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/address-book.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a. A guest that chooses colliding addresses makes others wait no longer than for all that
 * the endpoints of its user may have. */
static size_t bucket_of(int link, const void *bytes, size_t n) {
        const uint8_t *at = bytes;
        uint32_t hash = UINT32_C(2166136261) ^ (uint32_t)link;

        for (size_t i = 0; i < n; i++)
                hash = (hash ^ at[i]) * UINT32_C(16777619);
        return (hash ^ hash >> 16) % ADDRESS_BOOK_BUCKETS;
}

static List *bucket_of_mac(const AddressBook *book, int link, const Mac *mac) {
        return (List *)&book->by_mac[bucket_of(link, mac, sizeof(*mac))];
}

static List *bucket_of_address(AddressBook *book, int link, const IpAddress *address) {
        return &book->by_address[bucket_of(link, address->bytes, sizeof(address->bytes))];
}

void address_book_init(AddressBook *book) {
        *book = (AddressBook){ .round = 0 };
        for (size_t i = 0; i < ADDRESS_BOOK_BUCKETS; i++) {
                list_init(&book->by_mac[i]);
                list_init(&book->by_address[i]);
        }
        list_init(&book->changed);
}

static void mark(AddressBook *book, AddressHolder *holder) {
        list_unlink(&holder->changed);
        list_append(&book->changed, &holder->changed);
}

static void free_slot(KnownAddress *known) {
        known->sources = 0;
        list_unlink(&known->bucket);
}

static void take_from(AddressBook *book, KnownAddress *known, unsigned sources) {
        if (!(known->sources & sources))
                return;
        known->sources &= ~sources;
        if (known->sources == 0)
                free_slot(known);
        mark(book, known->holder);
}

/* A source has taken one back. Not for what a verdict ends: a station that somebody else's port
 * hides could have the neighbours listed for ever. */
static void make_up_for(AddressBook *book, AddressHolder *holder) {
        book->has_room_again |= holder->crowded;
        holder->crowded = false;
}

static void leave(AddressHolder *holder) {
        for (size_t i = 0; i < holder->n_known; i++)
                free_slot(&holder->known[i]);
        list_unlink(&holder->bucket);
        list_unlink(&holder->changed);
        holder->link = 0;
        holder->crowded = false;
}

void address_holder_done(AddressHolder *holder) {
        leave(holder);
        free(holder->known);
        free(holder->shown);
        *holder = (AddressHolder){ 0 };
}

bool address_book_place(AddressBook *book, AddressHolder *holder, int link, const Mac *mac) {
        if (link == holder->link && mac_equal(mac, &holder->mac))
                return false;
        leave(holder);
        holder->link = link;
        holder->mac = *mac;
        if (link > 0)
                list_append(bucket_of_mac(book, link, mac), &holder->bucket);
        mark(book, holder);
        return true;
}

AddressHolder *address_book_find(const AddressBook *book, int link, const Mac *mac) {
        LIST_FOREACH(bucket_of_mac(book, link, mac), node) {
                AddressHolder *holder = container_of(node, AddressHolder, bucket);

                if (holder->link == link && mac_equal(mac, &holder->mac))
                        return holder;
        }
        return NULL;
}

static KnownAddress *find_known(AddressHolder *holder, const IpAddress *address) {
        for (size_t i = 0; i < holder->n_known; i++)
                if (holder->known[i].sources != 0 &&
                                ip_address_compare(&holder->known[i].address, address) == 0)
                        return &holder->known[i];
        return NULL;
}

static bool allocate(AddressHolder *holder) {
        KnownAddress *known = calloc(ADDRESSES_MAX, sizeof(*known));
        IpAddress *shown = calloc(ADDRESSES_MAX, sizeof(*shown));

        if (!known || !shown) {
                free(known);
                free(shown);
                return false;
        }
        holder->known = known;
        holder->shown = shown;
        holder->n_known = ADDRESSES_MAX;
        return true;
}

/* One that has no source but some of these gives way. NULL: there is no room. */
static KnownAddress *make_room(AddressHolder *holder, unsigned gives_way) {
        if (!holder->known && !allocate(holder))
                return NULL;
        for (size_t i = 0; i < holder->n_known; i++)
                if ((holder->known[i].sources & ~gives_way) == 0)
                        return &holder->known[i];
        return NULL;
}

static void add_source(AddressBook *book, AddressHolder *holder, const IpAddress *address,
                unsigned sources) {
        KnownAddress *known = find_known(holder, address);
        unsigned gives_way = ADDRESS_GIVEN_UP;

        if (!known && sources & ADDRESS_LEASED && !make_room(holder, gives_way))
                gives_way |= ADDRESS_HEARD | ADDRESS_PENDING;
        if (!known) {
                known = make_room(holder, gives_way);
                if (!known) {
                        holder->crowded = true;
                        return;
                }
                free_slot(known);
                known->holder = holder;
                known->address = *address;
                list_append(bucket_of_address(book, holder->link, address), &known->bucket);
        }
        known->seen_in = book->round;
        if ((known->sources | sources) == known->sources && !(known->sources & ADDRESS_GIVEN_UP))
                return;
        known->sources = (known->sources | sources) & ~(unsigned)ADDRESS_GIVEN_UP;
        mark(book, holder);
}

void address_book_hear(AddressBook *book, int link, const IpAddress *address, const Mac *mac,
                bool confirmed, bool adds) {
        AddressHolder *holder = mac ? address_book_find(book, link, mac) : NULL;
        KnownAddress *known;

        LIST_FOREACH_SAFE(bucket_of_address(book, link, address), node) {
                KnownAddress *other = container_of(node, KnownAddress, bucket);

                if (other->holder != holder && other->holder->link == link &&
                                ip_address_compare(&other->address, address) == 0) {
                        take_from(book, other, ADDRESS_HEARD | ADDRESS_PENDING | ADDRESS_GIVEN_UP);
                        make_up_for(book, other->holder);
                }
        }
        if (!holder)
                return;
        known = find_known(holder, address);
        if (known) {
                known->seen_in = book->round;
                adds = !(known->sources & ADDRESS_GIVEN_UP);
        }
        if (confirmed || adds)
                add_source(book, holder, address, ADDRESS_PENDING);
}

void address_book_lease(AddressBook *book, AddressHolder *holder, const IpAddress *address) {
        add_source(book, holder, address, ADDRESS_LEASED);
}

void address_book_begin(AddressBook *book) {
        book->round++;
}

void address_holder_sweep(AddressBook *book, AddressHolder *holder, AddressSource source) {
        for (size_t i = 0; i < holder->n_known; i++) {
                KnownAddress *known = &holder->known[i];

                if (known->seen_in == book->round)
                        continue;
                if (source == ADDRESS_HEARD && known->sources) {
                        take_from(book, known, ADDRESS_HEARD | ADDRESS_PENDING | ADDRESS_GIVEN_UP);
                        make_up_for(book, holder);
                } else if (known->sources & ADDRESS_LEASED) {
                        known->sources = ADDRESS_GIVEN_UP;
                        make_up_for(book, holder);
                        mark(book, holder);
                }
        }
}

bool address_holder_is_pending(const AddressHolder *holder) {
        for (size_t i = 0; i < holder->n_known; i++)
                if (holder->known[i].sources & ADDRESS_PENDING)
                        return true;
        return false;
}

static void end_pending(AddressBook *book, KnownAddress *known, AddressVerdict verdict) {
        if (!(known->sources & ADDRESS_PENDING))
                return;
        switch (verdict) {
        case ADDRESS_VERDICT_OWN:
                known->sources |= ADDRESS_HEARD;
                known->sources &= ~(unsigned)ADDRESS_PENDING;
                break;
        case ADDRESS_VERDICT_OTHER:
                take_from(book, known, ADDRESS_HEARD | ADDRESS_PENDING);
                break;
        case ADDRESS_VERDICT_UNKNOWN:
                take_from(book, known, ADDRESS_PENDING);
                break;
        }
}

static int compare(const void *a, const void *b) {
        return ip_address_compare(a, b);
}

bool address_holder_settle(AddressBook *book, AddressHolder *holder, AddressVerdict verdict) {
        IpAddress shown[ADDRESSES_MAX] = { { 0 } };
        bool same;
        size_t n = 0;

        for (size_t i = 0; i < holder->n_known; i++) {
                end_pending(book, &holder->known[i], verdict);
                if (holder->known[i].sources & (ADDRESS_LEASED | ADDRESS_HEARD))
                        shown[n++] = holder->known[i].address;
        }
        list_unlink(&holder->changed);
        qsort(shown, n, sizeof(*shown), compare);
        same = n == holder->n_shown;
        for (size_t i = 0; i < n && same; i++)
                same = ip_address_compare(&shown[i], &holder->shown[i]) == 0;
        for (size_t i = 0; i < n; i++)
                holder->shown[i] = shown[i];
        holder->n_shown = n;
        return !same;
}

bool address_holder_has(const AddressHolder *holder, const IpAddress *address) {
        const KnownAddress *known = find_known((AddressHolder *)holder, address);

        return known && known->sources & (ADDRESS_LEASED | ADDRESS_HEARD);
}
