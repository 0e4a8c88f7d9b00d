/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/lease-book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "networks/network-service.h"

void lease_book_init(LeaseBook *book) {
        list_init(&book->reserved);
        list_init(&book->due);
        book->n_reserved = 0;
}

static void departed_free(Departed *departed) {
        list_unlink(&departed->link);
        free(departed->label);
        free(departed);
}

void departed_free_all(List *departed) {
        LIST_FOREACH_SAFE(departed, node)
                departed_free(container_of(node, Departed, link));
}

void lease_book_done(LeaseBook *book) {
        departed_free_all(&book->reserved);
        departed_free_all(&book->due);
        book->n_reserved = 0;
}

static Departed *oldest(const LeaseBook *book) {
        return list_is_empty(&book->reserved) ? NULL
                                              : container_of(book->reserved.next, Departed, link);
}

static void make_due(LeaseBook *book, Departed *departed) {
        list_unlink(&departed->link);
        list_append(&book->due, &departed->link);
        book->n_reserved--;
}

static void forget(LeaseBook *book, Departed *departed) {
        departed_free(departed);
        book->n_reserved--;
}

/* Forgets those whose leases have expired. */
static void forget_old(LeaseBook *book, uint64_t now_usec) {
        const uint64_t lasts_usec = NETWORK_LEASE_SECONDS * USEC_PER_SEC;
        Departed *departed;

        while ((departed = oldest(book)) && now_usec - departed->since_usec > lasts_usec)
                forget(book, departed);
}

/* NULL: out of memory. */
static Departed *departed_new(const LeaseGuest *guest, const Mac *mac, uint64_t now_usec) {
        Departed *departed = calloc(1, sizeof(Departed));

        if (!departed)
                return NULL;
        *departed = (Departed){
                .since_usec = now_usec,
                .uid = guest->uid,
                .mac = *mac,
                .told = guest->mac_state == MAC_TOLD,
                .label = strdup(guest->label),
        };
        list_init(&departed->link);
        if (departed->label)
                return departed;
        departed_free(departed);
        return NULL;
}

int lease_book_leave(LeaseBook *book, const LeaseGuest *guest, bool returns, uint64_t now_usec) {
        Departed *departed = departed_new(guest, &guest->mac, now_usec);

        if (!departed)
                return -ENOMEM;
        forget_old(book, now_usec);
        list_append(returns ? &book->reserved : &book->due, &departed->link);
        book->n_reserved += returns;
        return 0;
}

static bool is_of_label(const Departed *departed, const LeaseGuest *guest) {
        return *guest->label && departed->uid == guest->uid &&
                        strcmp(departed->label, guest->label) == 0;
}

/* A guest that has told its own MAC in place of a generated one will tell it again: its address is
 * not passed on to the MAC that was generated this time, or the guest would request it in vain. */
static bool inherits(const Departed *departed, const LeaseGuest *guest) {
        return is_of_label(departed, guest) &&
                        !(departed->told && guest->mac_state == MAC_GENERATED);
}

void lease_book_come(LeaseBook *book, const LeaseGuest *guest, uint64_t now_usec) {
        forget_old(book, now_usec);
        LIST_FOREACH_SAFE(&book->due, node) {
                Departed *departed = container_of(node, Departed, link);

                if (mac_equal(&departed->mac, &guest->mac))
                        departed_free(departed);
        }
        LIST_FOREACH_SAFE(&book->reserved, node) {
                Departed *departed = container_of(node, Departed, link);

                if (mac_equal(&departed->mac, &guest->mac)) {
                        forget(book, departed);
                } else if (inherits(departed, guest)) {
                        departed->has_heir = true;
                        departed->heir = guest->mac;
                        make_due(book, departed);
                }
        }
}

int lease_book_move(
                LeaseBook *book, const Mac *before, const LeaseGuest *guest, uint64_t now_usec) {
        Departed *departed = departed_new(guest, before, now_usec);

        lease_book_come(book, guest, now_usec);
        if (!departed)
                return -ENOMEM;
        departed->has_heir = true;
        departed->heir = guest->mac;
        list_append(&book->due, &departed->link);
        return 0;
}

void lease_book_fit(LeaseBook *book, size_t guests, size_t room) {
        while (book->n_reserved > 0 && guests + book->n_reserved > room)
                make_due(book, oldest(book));
}

void lease_book_take_due(LeaseBook *book, List *ret) {
        LIST_FOREACH_SAFE(&book->due, node) {
                list_unlink(node);
                list_append(ret, node);
        }
}
