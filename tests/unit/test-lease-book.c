/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which guests' leases end, and when.
 */

#include <stdio.h>

#include "common/clock.h"
#include "networks/lease-book.h"
#include "networks/network-service.h"
#include "testing.h"

#define NOW (UINT64_C(1000) * USEC_PER_SEC)

static LeaseGuest guest(unsigned number, const char *label) {
        LeaseGuest guest = { .uid = 1000, .label = label };

        guest.mac = (Mac){ { 0x52, 0x54, 0, 0, (uint8_t)(number >> 8), (uint8_t)number } };
        return guest;
}

static int set_up(void **state) {
        static LeaseBook book;

        lease_book_init(&book);
        *state = &book;
        return 0;
}

static int tear_down(void **state) {
        lease_book_done(*state);
        return 0;
}

static void leave(LeaseBook *book, const LeaseGuest *guest, bool returns, uint64_t now) {
        assert_ok(lease_book_leave(book, guest, returns, now));
}

/* Takes those that are due; returns their numbers, as text. */
static const char *due(LeaseBook *book) {
        static char text[256];
        List list = LIST_INIT(list);
        size_t n = 0;

        lease_book_take_due(book, &list);
        text[0] = '\0';
        LIST_FOREACH(&list, node) {
                const Departed *departed = container_of(node, Departed, link);

                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", n ? " " : "",
                                departed->mac.ether_addr_octet[5]);
                if (departed->has_heir)
                        n += (size_t)snprintf(text + n, sizeof(text) - n, ">%u",
                                        departed->heir.ether_addr_octet[5]);
        }
        departed_free_all(&list);
        return text;
}

static void who_is_gone_for_good_leaves_its_address_at_once(void **state) {
        LeaseBook *book = *state;
        const LeaseGuest one = guest(1, ""), two = guest(2, "");

        leave(book, &one, false, NOW);
        leave(book, &two, false, NOW);
        assert_string_equal(due(book), "1 2");
        assert_string_equal(due(book), "");
}

static void who_may_come_back_keeps_it_while_there_is_room(void **state) {
        LeaseBook *book = *state;
        const LeaseGuest one = guest(1, ""), two = guest(2, ""), three = guest(3, "");

        leave(book, &one, true, NOW);
        leave(book, &two, true, NOW + 1);
        leave(book, &three, true, NOW + 2);
        lease_book_fit(book, 2, 5);
        assert_string_equal(due(book), "");
        lease_book_fit(book, 3, 5);
        assert_string_equal(due(book), "1");
        lease_book_fit(book, 5, 5);
        assert_string_equal(due(book), "2 3");
        lease_book_fit(book, 500, 5);
        assert_string_equal(due(book), "");
}

static void who_is_back_has_what_was_its_own(void **state) {
        LeaseBook *book = *state;
        const LeaseGuest one = guest(1, ""), two = guest(2, "");

        leave(book, &one, true, NOW);
        leave(book, &two, false, NOW);
        lease_book_come(book, &one, NOW + 1);
        lease_book_come(book, &two, NOW + 1);
        lease_book_fit(book, 5, 5);
        assert_string_equal(due(book), "");
}

static void a_label_of_the_same_user_inherits(void **state) {
        LeaseBook *book = *state;
        const LeaseGuest web = guest(1, "web"), again = guest(2, "web"), other = guest(3, "db"),
                         none = guest(4, "");
        LeaseGuest strange = guest(5, "web");

        strange.uid = 1001;
        leave(book, &web, true, NOW);
        lease_book_come(book, &other, NOW);
        lease_book_come(book, &none, NOW);
        lease_book_come(book, &strange, NOW);
        assert_string_equal(due(book), "");
        lease_book_come(book, &again, NOW);
        assert_string_equal(due(book), "1>2");
}

/* It reports its MAC anew each time, and asks for its address before that could be given back to
 * it. */
static void who_tells_a_mac_of_its_own_finds_its_address_under_that(void **state) {
        LeaseBook *book = *state;
        LeaseGuest web = guest(1, "web"), again = guest(2, "web");

        web.mac_state = MAC_TOLD;
        again.mac_state = MAC_GENERATED;
        leave(book, &web, true, NOW);
        lease_book_come(book, &again, NOW);
        assert_string_equal(due(book), "");
        assert_ok(lease_book_move(book, &again.mac, &web, NOW));
        assert_string_equal(due(book), "2>1");
        assert_int_equal(book->n_reserved, 0);
        /* A guest that was given a MAC will not. */
        leave(book, &web, true, NOW);
        again.mac_state = MAC_GIVEN;
        lease_book_come(book, &again, NOW);
        assert_string_equal(due(book), "1>2");
}

/* None of its leases has been ended yet. */
static void who_takes_up_again_the_mac_that_it_gave_up_keeps_what_it_had_by_it(void **state) {
        LeaseBook *book = *state;
        const LeaseGuest one = guest(1, "web"), two = guest(2, "web");

        assert_ok(lease_book_move(book, &one.mac, &two, NOW));
        assert_ok(lease_book_move(book, &two.mac, &one, NOW + 1));
        assert_string_equal(due(book), "2>1");
        /* So does one that comes back while its heir is there. */
        leave(book, &one, true, NOW);
        lease_book_come(book, &two, NOW + 1);
        lease_book_come(book, &one, NOW + 2);
        assert_string_equal(due(book), "");
}

static void guests_without_a_label_are_not_one(void **state) {
        LeaseBook *book = *state;
        const LeaseGuest one = guest(1, ""), two = guest(2, "");

        leave(book, &one, true, NOW);
        lease_book_come(book, &two, NOW);
        assert_string_equal(due(book), "");
}

static void nothing_is_kept_for_longer_than_a_lease_lasts(void **state) {
        LeaseBook *book = *state;
        const uint64_t later = NOW + (NETWORK_LEASE_SECONDS + 1) * USEC_PER_SEC;
        const LeaseGuest web = guest(1, "web"), two = guest(2, "two"), again = guest(3, "web");

        leave(book, &web, true, NOW);
        leave(book, &two, true, later - 1);
        lease_book_come(book, &again, later);
        assert_int_equal(book->n_reserved, 1);
        assert_string_equal(due(book), "");
}

static void what_is_kept_has_an_end(void **state) {
        LeaseBook *book = *state;

        for (unsigned i = 0; i < 1000; i++) {
                const LeaseGuest one = guest(i, "");

                leave(book, &one, true, NOW + i);
                lease_book_fit(book, 3, 13);
                (void)due(book);
                assert_in_range(book->n_reserved, 0, 10);
        }
        assert_int_equal(book->n_reserved, 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                who_is_gone_for_good_leaves_its_address_at_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                who_may_come_back_keeps_it_while_there_is_room, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                who_is_back_has_what_was_its_own, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_label_of_the_same_user_inherits, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                who_tells_a_mac_of_its_own_finds_its_address_under_that, set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                who_takes_up_again_the_mac_that_it_gave_up_keeps_what_it_had_by_it,
                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                guests_without_a_label_are_not_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                nothing_is_kept_for_longer_than_a_lease_lasts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_kept_has_an_end, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
