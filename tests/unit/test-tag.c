/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tag is the only record of a link's owner. The parser accepts exactly what the formatter
 * writes: whatever parses formats back to the same bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "taps/tag.h"
#include "testing.h"

#define VALID                                                                                      \
        "vnicd:1 uid=1000 persistent=0 queues=1 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56 "      \
        "guest=given at=1795353600 isolated=0 anti_spoof=0 bpdu_guard=0"

/* As 0.1.0 and earlier versions wrote it. */
#define OLDER                                                                                      \
        "vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56 "           \
        "at=1795353600"

static const Tag valid = {
        .uid = 1000,
        .queues = 1,
        .nonce = 0x3f9a01c2,
        .vnet_hdr_size = 12,
        .guest_mac = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } },
        .created = 1795353600,
};

static void assert_tags_equal(const Tag *a, const Tag *b) {
        assert_int_equal(a->uid, b->uid);
        assert_int_equal(a->persistent, b->persistent);
        assert_int_equal(a->until_logout, b->until_logout);
        assert_int_equal(a->queues, b->queues);
        assert_int_equal(a->nonce, b->nonce);
        assert_int_equal(a->vnet_hdr_size, b->vnet_hdr_size);
        assert_true(mac_equal(&a->guest_mac, &b->guest_mac));
        assert_int_equal(a->created, b->created);
        assert_int_equal(a->mac_state, b->mac_state);
        assert_int_equal(a->isolated, b->isolated);
        assert_int_equal(a->anti_spoof, b->anti_spoof);
        assert_int_equal(a->bpdu_guard, b->bpdu_guard);
        assert_int_equal(a->on_network, b->on_network);
        assert_string_equal(a->bridge, b->bridge);
        assert_string_equal(a->label, b->label);
}

static void assert_refused(const char *text) {
        Tag tag = valid;

        tag.uid = 77;
        if (tag_parse(text, &tag) != -EINVAL)
                fail_msg("taken: \"%s\"", text);
        assert_int_equal(tag.uid, 77);
}

static void a_tag_without_label_is_written_and_read(void **state) {
        char text[TAG_SIZE];
        Tag tag;

        assert_string_equal(tag_format(&valid, text), VALID);
        assert_int_equal(tag_parse(text, &tag), 0);
        assert_tags_equal(&tag, &valid);
}

static void a_tag_with_label_is_written_and_read(void **state) {
        char text[TAG_SIZE];
        Tag tag = valid, again;

        strcpy(tag.label, "web");
        assert_string_equal(tag_format(&tag, text), VALID " label=web");
        assert_int_equal(tag_parse(text, &again), 0);
        assert_tags_equal(&again, &tag);
}

static void a_tag_names_the_bridge_or_the_network_of_the_tap(void **state) {
        char text[TAG_SIZE];
        Tag tag = valid, again;

        tag.isolated = tag.anti_spoof = true;
        tag.mac_state = MAC_GENERATED;
        strcpy(tag.bridge, "br=0");
        assert_string_equal(tag_format(&tag, text),
                        "vnicd:1 uid=1000 persistent=0 queues=1 nonce=3f9a01c2 hdr=12 "
                        "mac=52:54:00:12:34:56 guest=generated at=1795353600 isolated=1 "
                        "anti_spoof=1 bpdu_guard=0 bridge=br=0");
        assert_int_equal(tag_parse(text, &again), 0);
        assert_tags_equal(&again, &tag);
        tag.on_network = true;
        tag.mac_state = MAC_TOLD;
        strcpy(tag.bridge, "vnicbr0");
        strcpy(tag.label, "web");
        assert_string_equal(tag_format(&tag, text),
                        "vnicd:1 uid=1000 persistent=0 queues=1 nonce=3f9a01c2 hdr=12 "
                        "mac=52:54:00:12:34:56 guest=told at=1795353600 isolated=1 anti_spoof=1 "
                        "bpdu_guard=0 network=vnicbr0 label=web");
        assert_int_equal(tag_parse(text, &again), 0);
        assert_tags_equal(&again, &tag);
        assert_false(again.is_older);
}

static void a_tag_of_an_older_version_is_read_and_written_anew(void **state) {
        char text[TAG_SIZE];
        Tag tag;

        assert_int_equal(tag_parse(OLDER " label=web", &tag), 0);
        assert_true(tag.is_older);
        assert_int_equal(tag.mac_state, MAC_GIVEN); /* so that it is never replaced */
        assert_string_equal(tag_format(&tag, text), VALID " label=web");
        assert_int_equal(tag_parse("vnicd:1 uid=1000 life=persistent queues=3 nonce=3f9a01c2 "
                                   "hdr=12 mac=52:54:00:12:34:56 at=1795353600",
                                         &tag),
                        0);
        assert_true(tag.persistent && tag.is_older);
        assert_int_equal(tag.queues, 3);
}

#define LOGOUT                                                                                     \
        "vnicd:1 uid=1000 persistent=logout queues=2 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56 " \
        "guest=given at=1795353600 isolated=0 anti_spoof=0 bpdu_guard=0"

static void a_tap_until_its_owner_has_logged_out_is_a_persistent_one(void **state) {
        char text[TAG_SIZE];
        Tag tag;

        assert_int_equal(tag_parse(LOGOUT, &tag), 0);
        assert_true(tag.persistent && tag.until_logout);
        assert_string_equal(tag_format(&tag, text), LOGOUT);
        assert_refused("vnicd:1 uid=1000 persistent=logouts queues=2 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 guest=given at=1795353600 isolated=0 anti_spoof=0 "
                       "bpdu_guard=0");
        assert_refused("vnicd:1 uid=1000 life=logout queues=2 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1795353600");
}

/* Versions that do not know the word would otherwise adopt it as one of another kind. This is how
 * they read. */
static void a_version_that_does_not_know_logout_leaves_such_a_tap_alone(void **state) {
        unsigned persistent;
        uint32_t uid;
        char life[16];

        assert_int_equal(
                        sscanf(LOGOUT, "vnicd:1 uid=%" SCNu32 " persistent=%1u", &uid, &persistent),
                        1);
        assert_int_equal(sscanf(LOGOUT, "vnicd:1 uid=%" SCNu32 " life=%15s", &uid, life), 1);
}

/* This version would remove fields that a later one has added when it writes the tag. */
static void a_tag_with_a_word_that_is_not_known_is_not_ours(void **state) {
        assert_refused(VALID " bridge=br0 vlan=5");
        assert_refused(VALID " vlan=5");
        assert_refused(VALID " vlan=5 label=web");
        assert_refused(OLDER " bridge=br0");
        assert_refused(OLDER " isolated=0 anti_spoof=0 bpdu_guard=0");
        assert_refused("vnicd:1 uid=1000 persistent=0 queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1795353600 isolated=0 anti_spoof=0 bpdu_guard=0");
        assert_refused("vnicd:1 uid=1000 persistent=0 queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 guest=guessed at=1795353600 isolated=0 anti_spoof=0 "
                       "bpdu_guard=0");
        assert_refused("vnicd:1 uid=1000 persistent=2 queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 guest=given at=1795353600 isolated=0 anti_spoof=0 "
                       "bpdu_guard=0");
}

static void a_bridge_has_a_name_that_a_link_can_have(void **state) {
        Tag tag;

        assert_int_equal(tag_parse(VALID " bridge=abcdefghijklmno", &tag), 0);
        assert_refused(VALID " bridge=abcdefghijklmnop");
        assert_refused(VALID " bridge=");
        assert_refused(VALID " network=");
        assert_refused(VALID " bridge=a/b");
        assert_refused(VALID " bridge=a:b");
        assert_refused(VALID " bridge=a\tb");
        assert_refused(VALID " bridge=br0 network=br0");
        assert_refused(VALID " bridge=br0 bridge=br0");
        assert_refused(VALID " label=web bridge=br0");
}

static void an_address_stands_at_the_end_in_its_usual_form(void **state) {
        char text[TAG_SIZE];
        Tag tag = valid, again;

        tag.address.s_addr = htonl(0x0a460309);
        assert_string_equal(tag_format(&tag, text), VALID " ip=10.70.3.9");
        assert_int_equal(tag_parse(text, &again), 0);
        assert_int_equal(again.address.s_addr, tag.address.s_addr);
        assert_int_equal(tag_parse(VALID " network=lab label=web ip=10.70.3.9", &again), 0);
        assert_refused(VALID " ip=");
        assert_refused(VALID " ip=0.0.0.0");
        assert_refused(VALID " ip=10.70.3.09");
        assert_refused(VALID " ip=10.70.3.256");
        assert_refused(VALID " ip=10.70.3.9 label=web");
        assert_refused(VALID " ip=10.70.3.9 ip=10.70.3.9");
        assert_refused(OLDER " ip=10.70.3.9");
}

/* With an address, numbers are only as large as the kernel and its limits have them. */
static void the_largest_tag_with_an_address_fits(void **state) {
        char text[TAG_SIZE];
        Tag again,
                        tag = {
                                .uid = UINT32_MAX,
                                .persistent = true,
                                .until_logout = true,
                                .queues = 256,
                                .nonce = UINT32_MAX,
                                .vnet_hdr_size = 24,
                                .mac_state = MAC_GENERATED,
                                .created = UINT64_C(9999999999),
                                .on_network = true,
                                .bridge = "abcdefghijklmno",
                                .label = "abcdefghijklmnopqrstuvwxyz_.-012",
                                .address.s_addr = htonl(0xdffffefe),
                        };

        tag_format(&tag, text);
        assert_true(strlen(text) < TAG_SIZE - 1);
        assert_int_equal(tag_parse(text, &again), 0);
        assert_int_equal(again.address.s_addr, tag.address.s_addr);
}

static void the_largest_of_everything_fits_and_comes_back(void **state) {
        char text[TAG_SIZE];
        Tag again,
                        tag = {
                                .uid = UINT32_MAX,
                                .persistent = true,
                                .until_logout = true, /* the longest word */
                                .queues = UINT32_MAX,
                                .nonce = UINT32_MAX,
                                .vnet_hdr_size = UINT32_MAX,
                                .guest_mac = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
                                .mac_state = MAC_GENERATED, /* the longest word */
                                .created = UINT64_MAX,
                                .isolated = true,
                                .anti_spoof = true,
                                .bpdu_guard = true,
                                .on_network = true,
                                .bridge = "abcdefghijklmno",
                                .label = "abcdefghijklmnopqrstuvwxyz_.-012",
                        };

        tag_format(&tag, text);
        assert_true(strlen(text) < TAG_SIZE - 1); /* nothing was truncated */
        assert_int_equal(tag_parse(text, &again), 0);
        assert_tags_equal(&again, &tag);
}

static void the_smallest_of_everything_comes_back(void **state) {
        char text[TAG_SIZE];
        Tag again, tag = { 0 };

        tag_format(&tag, text);
        assert_int_equal(tag_parse(text, &again), 0);
        assert_tags_equal(&again, &tag);
}

static void random_tags_come_back(void **state) {
        static const char characters[] = "azAZ09_.-";
        uint64_t seed = RANDOM_SEED;

        for (int i = 0; i < 100000; i++) {
                uint64_t bits = random_next(&seed);
                size_t n = random_next(&seed) % LABEL_SIZE;
                char text[TAG_SIZE];
                Tag again,
                                tag = {
                                        .uid = (uid_t)random_next(&seed),
                                        .persistent = random_next(&seed) % 2,
                                        .queues = (uint32_t)random_next(&seed),
                                        .nonce = (uint32_t)random_next(&seed),
                                        .vnet_hdr_size = (uint32_t)(random_next(&seed) % 25),
                                        .created = random_next(&seed) >> (random_next(&seed) % 64),
                                        .mac_state = random_next(&seed) % MAC_STATE_MAX,
                                        .isolated = random_next(&seed) % 2,
                                        .anti_spoof = random_next(&seed) % 2,
                                        .bpdu_guard = random_next(&seed) % 2,
                                };

                memcpy(&tag.guest_mac, &bits, sizeof(tag.guest_mac));
                for (size_t k = 0; k < n; k++)
                        tag.label[k] = characters[random_next(&seed) % (sizeof(characters) - 1)];
                for (size_t k = random_next(&seed) % IFNAMSIZ; k > 0; k--)
                        tag.bridge[k - 1] = "br0=.%\"\xff"[random_next(&seed) % 8];
                tag.until_logout = tag.persistent && random_next(&seed) % 2;
                tag.on_network = *tag.bridge && random_next(&seed) % 2;
                assert_int_equal(tag_parse(tag_format(&tag, text), &again), 0);
                assert_tags_equal(&again, &tag);
        }
}

static void blanks_before_after_and_between_are_refused(void **state) {
        assert_refused(" " VALID);
        assert_refused(VALID " ");
        assert_refused(VALID "\n");
        assert_refused("\t" VALID);
        assert_refused(VALID " label=web ");
        assert_refused(VALID "  label=web");
        assert_refused("vnicd:1  uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("vnicd:1\tuid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("vnicd:1 uid= 1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
}

static void words_too_many_too_few_or_out_of_order_are_refused(void **state) {
        assert_refused("");
        assert_refused("vnicd:1");
        assert_refused("vnicd");
        assert_refused(VALID " label=web more=1");
        assert_refused(VALID " label=web label=web");
        assert_refused(VALID " more");
        assert_refused(VALID " label=");
        assert_refused(VALID " label");
        assert_refused(VALID VALID);
        assert_refused("vnicd:1 life=fd uid=1000 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd hdr=12 nonce=3f9a01c2 mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=");
        assert_refused("vnicd:1 label=web uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
}

static void another_version_or_life_is_not_ours(void **state) {
        assert_refused("vnicd:2 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:11 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("VNICD:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=ever nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56 "
                       "at=1");
}

static void numbers_have_one_spelling(void **state) {
        assert_refused("vnicd:1 uid=01000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("vnicd:1 uid=+1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("vnicd:1 uid=-1 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=0x10 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1e3 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=012 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=01");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=-1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=0x3f9a01 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
}

static void hex_in_upper_case_is_refused(void **state) {
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3F9A01C2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:AB:34:56 at=1");
}

static void numbers_past_their_type_are_refused(void **state) {
        assert_refused("vnicd:1 uid=4294967296 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=4294968296 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=18446744073709551616 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=13f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=4294967296 "
                       "mac=52:54:00:12:34:56 at=1");
        assert_refused("vnicd:1 uid=1000 life=fd queues=1 nonce=3f9a01c2 hdr=12 "
                       "mac=52:54:00:12:34:56 "
                       "at=18446744073709551616");
}

static void a_label_of_thirty_three_is_refused(void **state) {
        Tag tag;

        assert_int_equal(tag_parse(VALID " label=abcdefghijklmnopqrstuvwxyz012345", &tag), 0);
        assert_refused(VALID " label=abcdefghijklmnopqrstuvwxyz0123456");
}

static void labels_have_few_letters(void **state) {
        static const char *const bad[] = { "", "a b", "a/b", "a=b", "a:b", "\xc3\xa4", "a\n", "$a",
                "abcdefghijklmnopqrstuvwxyz0123456", "a\x01", "<b>" };
        static const char *const good[] = { "a", "A-Z_0.9", ".", "..", "-rf", "vnic0badcafe",
                "abcdefghijklmnopqrstuvwxyz012345" };

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                char text[TAG_SIZE];

                if (label_is_valid(bad[i]))
                        fail_msg("taken: \"%s\"", bad[i]);
                snprintf(text, sizeof(text), VALID " label=%s", bad[i]);
                assert_refused(text);
        }
        for (size_t i = 0; i < ELEMENTS(good); i++)
                assert_true(label_is_valid(good[i]));
}

/* An independent rule: every byte is in the set and there are 1 to 32 of them. */
static void a_million_random_labels_are_judged_by_the_rule(void **state) {
        static const char letters[] = "aZ09_.-bc/ \n\xff:";
        uint64_t seed = RANDOM_SEED;
        char label[40];
        int valid_ones = 0;

        for (int i = 0; i < 1000000; i++) {
                size_t n = random_next(&seed) % 36, kinds = random_next(&seed) % 2 ? 9 : 14;
                bool expected = n >= 1 && n <= 32;

                for (size_t k = 0; k < n; k++) {
                        size_t which = random_next(&seed) % kinds;

                        label[k] = letters[which];
                        expected = expected && which < 9;
                }
                label[n] = '\0';
                valid_ones += expected;
                if (label_is_valid(label) != expected)
                        fail_msg("\"%s\"", label);
        }
        assert_true(valid_ones > 100000 && valid_ones < 900000);
}

static void mutate(char *text, size_t size, uint64_t *seed) {
        size_t n = strlen(text), at = random_next(seed) % n;

        switch (random_next(seed) % 5) {
        case 0: /* another byte */
                text[at] = (char)(1 + random_next(seed) % 255);
                break;
        case 1: /* a digit */
                text[at] = "0123456789abcdefABCDEF =:"[random_next(seed) % 25];
                break;
        case 2: /* one less */
                memmove(text + at, text + at + 1, n - at);
                break;
        case 3: /* one twice */
                if (n + 2 < size)
                        memmove(text + at + 1, text + at, n - at + 1);
                break;
        case 4: /* the end cut off */
                text[at] = '\0';
                break;
        }
}

static void whatever_parses_formats_back_to_the_same_bytes(void **state) {
        uint64_t seed = RANDOM_SEED;
        int taken = 0;

        for (int i = 0; i < 300000; i++) {
                char text[TAG_SIZE], again[TAG_SIZE];
                Tag tag;

                strcpy(text, i % 2 ? VALID : VALID " bridge=br0 label=web-1");
                for (uint64_t n = 1 + random_next(&seed) % 3; n > 0 && *text; n--)
                        mutate(text, sizeof(text), &seed);
                if (tag_parse(text, &tag) < 0)
                        continue;
                taken++;
                assert_false(tag.is_older);
                assert_string_equal(tag_format(&tag, again), text);
        }
        assert_true(taken > 1000); /* digits changed into digits */
}

static void every_single_byte_changed_is_refused_or_formats_back(void **state) {
        char text[] = VALID " label=web", again[TAG_SIZE];

        for (size_t at = 0; at < sizeof(text) - 1; at++)
                for (int byte = 0; byte < 256; byte++) {
                        char before = text[at];
                        Tag tag;

                        text[at] = (char)byte;
                        if (tag_parse(text, &tag) >= 0)
                                assert_string_equal(tag_format(&tag, again), text);
                        text[at] = before;
                }
}

static void a_link_is_ours_if_it_is_a_tap_with_a_tag(void **state) {
        LinkInfo link = { .kind = "tun", .tun.tap = true, .alias = VALID };
        Tag tag;

        assert_int_equal(tag_of_link(&link, &tag), 0);
        assert_tags_equal(&tag, &valid);
}

static void a_link_of_another_kind_or_without_a_tag_is_not_ours(void **state) {
        LinkInfo veth = { .kind = "veth", .tun.tap = true, .alias = VALID };
        LinkInfo tun = { .kind = "tun", .tun.tap = false, .alias = VALID };
        LinkInfo bare = { .kind = "tun", .tun.tap = true };
        LinkInfo broken = { .kind = "tun", .tun.tap = true, .alias = VALID " " };
        Tag tag;

        assert_int_equal(tag_of_link(&veth, &tag), -ENOMSG);
        assert_int_equal(tag_of_link(&tun, &tag), -ENOMSG);
        assert_int_equal(tag_of_link(&bare, &tag), -ENOMSG);
        assert_int_equal(tag_of_link(&broken, &tag), -ENOMSG);
}

static void of_another_user_mac_label_life_or_birth_it_is_another_ones(void **state) {
        Tag others[9];

        assert_true(tags_are_of_one(&valid, &valid));
        for (size_t i = 0; i < ELEMENTS(others); i++)
                others[i] = valid;
        others[0].uid++;
        others[1].persistent = true;
        others[2].nonce++;
        others[3].vnet_hdr_size = 0;
        others[4].guest_mac.ether_addr_octet[5]++;
        others[5].created++;
        strcpy(others[6].label, "web");
        strcpy(others[7].label, "db");
        others[8].persistent = others[8].until_logout = true;
        for (size_t i = 0; i < ELEMENTS(others); i++)
                if (tags_are_of_one(&valid, &others[i]) || tags_are_of_one(&others[i], &valid))
                        fail_msg("%zu is of the same", i);
        assert_false(tags_are_of_one(&others[6], &others[7]));
        assert_false(tags_are_of_one(&others[1], &others[8]));
}

static void queues_the_port_and_the_place_may_change(void **state) {
        Tag now = valid;

        now.queues++;
        now.isolated = now.anti_spoof = now.bpdu_guard = now.on_network = true;
        strcpy(now.bridge, "br1");
        assert_true(tags_are_of_one(&valid, &now));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tag_without_label_is_written_and_read),
                cmocka_unit_test(a_tag_with_label_is_written_and_read),
                cmocka_unit_test(a_tag_names_the_bridge_or_the_network_of_the_tap),
                cmocka_unit_test(a_tag_of_an_older_version_is_read_and_written_anew),
                cmocka_unit_test(a_tap_until_its_owner_has_logged_out_is_a_persistent_one),
                cmocka_unit_test(a_version_that_does_not_know_logout_leaves_such_a_tap_alone),
                cmocka_unit_test(a_tag_with_a_word_that_is_not_known_is_not_ours),
                cmocka_unit_test(a_bridge_has_a_name_that_a_link_can_have),
                cmocka_unit_test(an_address_stands_at_the_end_in_its_usual_form),
                cmocka_unit_test(the_largest_tag_with_an_address_fits),
                cmocka_unit_test(the_largest_of_everything_fits_and_comes_back),
                cmocka_unit_test(the_smallest_of_everything_comes_back),
                cmocka_unit_test(random_tags_come_back),
                cmocka_unit_test(blanks_before_after_and_between_are_refused),
                cmocka_unit_test(words_too_many_too_few_or_out_of_order_are_refused),
                cmocka_unit_test(another_version_or_life_is_not_ours),
                cmocka_unit_test(numbers_have_one_spelling),
                cmocka_unit_test(hex_in_upper_case_is_refused),
                cmocka_unit_test(numbers_past_their_type_are_refused),
                cmocka_unit_test(a_label_of_thirty_three_is_refused),
                cmocka_unit_test(labels_have_few_letters),
                cmocka_unit_test(a_million_random_labels_are_judged_by_the_rule),
                cmocka_unit_test(whatever_parses_formats_back_to_the_same_bytes),
                cmocka_unit_test(every_single_byte_changed_is_refused_or_formats_back),
                cmocka_unit_test(a_link_is_ours_if_it_is_a_tap_with_a_tag),
                cmocka_unit_test(a_link_of_another_kind_or_without_a_tag_is_not_ours),
                cmocka_unit_test(of_another_user_mac_label_life_or_birth_it_is_another_ones),
                cmocka_unit_test(queues_the_port_and_the_place_may_change),
        };

        return cmocka_run_group_tests_name("tag", tests, NULL, NULL);
}
