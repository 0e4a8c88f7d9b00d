/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose addresses count, which give way, and what is never shown again. */
#include "taps/address-book.h"

#include <stdio.h>
#include <string.h>

#include "testing.h"

#define LINK  7
#define OTHER 8

static AddressBook book;
static AddressHolder web, mail;

static const Mac web_mac = { { 0x52, 0x54, 0, 0, 0, 1 } },
                 mail_mac = { { 0x52, 0x54, 0, 0, 0, 2 } };

static int set_up(void **state) {
        address_book_init(&book);
        web = mail = (AddressHolder){ 0 };
        assert_true(address_book_place(&book, &web, LINK, &web_mac));
        assert_true(address_book_place(&book, &mail, LINK, &mail_mac));
        return 0;
}

static int tear_down(void **state) {
        address_holder_done(&web);
        address_holder_done(&mail);
        assert_true(list_is_empty(&book.changed));
        for (size_t i = 0; i < ADDRESS_BOOK_BUCKETS; i++)
                assert_true(list_is_empty(&book.by_mac[i]) && list_is_empty(&book.by_address[i]));
        return 0;
}

static IpAddress of(const char *text) {
        IpAddress address;

        assert_ok(ip_address_parse(text, &address));
        return address;
}

static void hear_state(const char *text, const Mac *mac, bool confirmed, bool adds) {
        const IpAddress address = of(text);

        address_book_hear(&book, LINK, &address, mac, confirmed, adds);
}

static void hear(const char *text, const Mac *mac) {
        hear_state(text, mac, false, true);
}

static void lease(AddressHolder *holder, const char *text) {
        const IpAddress address = of(text);

        address_book_lease(&book, holder, &address);
}

/* Most endpoints are on bridges where the host hears nothing of their guests. */
static void a_holder_without_addresses_is_small(void **state) {
        assert_in_range(sizeof(AddressHolder), 1, 128);
        assert_null(web.known);
        lease(&web, "10.0.0.1");
        assert_true(address_holder_has(&web, &(IpAddress){ AF_INET, { 10, 0, 0, 1 } }));
}

static const char *shown(AddressHolder *holder, AddressVerdict verdict) {
        static char all[ADDRESSES_MAX * IP_ADDRESS_TEXT_SIZE];
        char text[IP_ADDRESS_TEXT_SIZE];
        size_t n = 0;

        (void)address_holder_settle(&book, holder, verdict);
        all[0] = '\0';
        for (size_t i = 0; i < holder->n_shown; i++)
                n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? " " : "",
                                ip_address_format(&holder->shown[i], text));
        return all;
}

#define OWN ADDRESS_VERDICT_OWN

static void a_holder_is_found_by_its_link_and_its_mac(void **state) {
        assert_ptr_equal(address_book_find(&book, LINK, &web_mac), &web);
        assert_ptr_equal(address_book_find(&book, LINK, &mail_mac), &mail);
        assert_null(address_book_find(&book, OTHER, &web_mac));
        assert_false(address_book_place(&book, &web, LINK, &web_mac));
        assert_true(address_book_place(&book, &web, OTHER, &web_mac));
        assert_null(address_book_find(&book, LINK, &web_mac));
        assert_ptr_equal(address_book_find(&book, OTHER, &web_mac), &web);
}

static void what_is_heard_is_shown_in_order_and_each_change_is_told_once(void **state) {
        hear("fe80::1", &web_mac);
        hear("10.0.0.9", &web_mac);
        hear("10.0.0.5", &mail_mac);
        assert_true(address_holder_settle(&book, &web, OWN));
        assert_false(address_holder_settle(&book, &web, OWN));
        assert_string_equal(shown(&web, OWN), "10.0.0.9 fe80::1");
        assert_string_equal(shown(&mail, OWN), "10.0.0.5");
        hear("10.0.0.9", &web_mac);
        assert_false(address_holder_settle(&book, &web, OWN));
        hear("10.0.0.9", NULL);
        assert_string_equal(shown(&web, OWN), "fe80::1");
}

static void an_address_that_another_mac_has_now_goes_over(void **state) {
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        hear("10.0.0.9", &mail_mac);
        assert_string_equal(shown(&web, OWN), "");
        assert_string_equal(shown(&mail, OWN), "10.0.0.9");
        hear("10.0.0.9", &(Mac){ { 2 } }); /* nobody's here */
        assert_string_equal(shown(&mail, OWN), "");
}

static void what_is_heard_on_another_link_is_not_about_it(void **state) {
        const IpAddress address = of("10.0.0.9");

        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        address_book_hear(&book, OTHER, &address, NULL, false, true);
        address_book_hear(&book, OTHER, &address, &web_mac, true, true);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        assert_true(address_book_place(&book, &web, OTHER, &web_mac));
        assert_string_equal(shown(&web, OWN), "");
}

static void a_verdict_decides_about_what_was_heard_since_the_last(void **state) {
        hear("10.0.0.9", &web_mac);
        assert_true(address_holder_is_pending(&web));
        assert_string_equal(shown(&web, ADDRESS_VERDICT_UNKNOWN), "");
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, ADDRESS_VERDICT_OTHER), "");
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        assert_false(address_holder_is_pending(&web));
        hear("10.0.0.66", &web_mac);
        assert_string_equal(shown(&web, ADDRESS_VERDICT_OTHER), "10.0.0.9");
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, ADDRESS_VERDICT_UNKNOWN), "10.0.0.9");
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, ADDRESS_VERDICT_OTHER), "");
}

static void a_lease_counts_whatever_the_verdict_is(void **state) {
        lease(&web, "10.0.0.9");
        assert_string_equal(shown(&web, ADDRESS_VERDICT_OTHER), "10.0.0.9");
        hear("10.0.0.9", &mail_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        assert_string_equal(shown(&mail, OWN), "10.0.0.9");
}

static void end_leases_but(const char *text) {
        address_book_begin(&book);
        if (text)
                lease(&web, text);
        address_holder_sweep(&book, &web, ADDRESS_LEASED);
}

static void an_address_given_up_is_not_remembered_but_comes_back_when_its_guest_answers(
                void **state) {
        lease(&web, "10.0.0.9");
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        end_leases_but("10.0.0.10");
        assert_string_equal(shown(&web, OWN), "10.0.0.10");
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.10");
        hear_state("10.0.0.9", &web_mac, true, false);
        assert_string_equal(shown(&web, OWN), "10.0.0.9 10.0.0.10");
        end_leases_but(NULL);
        lease(&web, "10.0.0.10");
        assert_string_equal(shown(&web, OWN), "10.0.0.9 10.0.0.10");
}

static void once_the_host_has_forgotten_it_any_claim_of_it_counts_again(void **state) {
        lease(&web, "10.0.0.9");
        end_leases_but(NULL);
        hear("10.0.0.9", NULL);
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
        lease(&web, "10.0.0.9");
        end_leases_but(NULL);
        address_book_begin(&book);
        address_holder_sweep(&book, &web, ADDRESS_HEARD);
        hear("10.0.0.9", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.9");
}

static void a_dump_takes_what_it_does_not_name_and_leases_stay(void **state) {
        lease(&web, "10.0.0.1");
        hear("10.0.0.9", &web_mac);
        hear("10.0.0.10", &web_mac);
        assert_string_equal(shown(&web, OWN), "10.0.0.1 10.0.0.9 10.0.0.10");
        address_book_begin(&book);
        hear_state("10.0.0.10", &web_mac, false, false);
        hear_state("10.0.0.11", &web_mac, false, false);
        address_holder_sweep(&book, &web, ADDRESS_HEARD);
        assert_string_equal(shown(&web, OWN), "10.0.0.1 10.0.0.10");
}

static void fill(unsigned n) {
        char text[IP_ADDRESS_TEXT_SIZE];

        for (unsigned i = 0; i < n; i++) {
                snprintf(text, sizeof(text), "10.0.1.%u", i);
                hear(text, &web_mac);
        }
}

static void no_more_are_kept_than_there_is_room_for_but_a_lease_finds_room(void **state) {
        fill(ADDRESSES_MAX + 3);
        assert_true(address_holder_settle(&book, &web, OWN));
        assert_int_equal(web.n_shown, ADDRESSES_MAX);
        lease(&web, "10.0.0.1");
        assert_true(address_holder_settle(&book, &web, OWN));
        assert_int_equal(web.n_shown, ADDRESSES_MAX);
        assert_true(address_holder_has(&web, &(IpAddress){ AF_INET, { 10, 0, 0, 1 } }));
}

static void a_place_that_is_free_again_is_told_unless_a_verdict_freed_it(void **state) {
        fill(ADDRESSES_MAX + 1);
        (void)address_holder_settle(&book, &web, ADDRESS_VERDICT_OTHER);
        assert_false(book.has_room_again);
        fill(ADDRESSES_MAX + 1);
        assert_true(address_holder_settle(&book, &web, OWN));
        hear("10.0.1.3", NULL);
        assert_true(book.has_room_again);
        book.has_room_again = false;
        hear("10.0.1.4", NULL);
        assert_false(book.has_room_again);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_holder_without_addresses_is_small),
                CASE(a_holder_is_found_by_its_link_and_its_mac),
                CASE(what_is_heard_is_shown_in_order_and_each_change_is_told_once),
                CASE(an_address_that_another_mac_has_now_goes_over),
                CASE(what_is_heard_on_another_link_is_not_about_it),
                CASE(a_verdict_decides_about_what_was_heard_since_the_last),
                CASE(a_lease_counts_whatever_the_verdict_is),
                CASE(an_address_given_up_is_not_remembered_but_comes_back_when_its_guest_answers),
                CASE(once_the_host_has_forgotten_it_any_claim_of_it_counts_again),
                CASE(a_dump_takes_what_it_does_not_name_and_leases_stay),
                CASE(no_more_are_kept_than_there_is_room_for_but_a_lease_finds_room),
                CASE(a_place_that_is_free_again_is_told_unless_a_verdict_freed_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
