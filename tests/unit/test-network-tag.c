/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "networks/network-tag.h"
#include "testing.h"

#define USUAL                                                                                      \
        "vnicd-net:1 kind=nat address=10.70.3.1/24,fd70:3::1/64 domain=vnicbr0.internal "          \
        "guard-ipv6 fwd=2,3"

/* As it was written up to 0.1.0. */
#define OLDER                                                                                      \
        "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 v4=10.70.3.1/24 "            \
        "v6=fd70:3::1/64 ports=1023 each=1023 domain=vnicbr0.internal guard=1 fwd=2,3"

static LinkInfo bridge_with(const char *alias) {
        LinkInfo link = { .ifindex = 7, .kind = "bridge", .group = NETWORK_GROUP, .mtu = 1500 };

        strcpy(link.name, "vnicbr0");
        strcpy(link.alias, alias);
        return link;
}

static void a_tag_says_all_that_makes_the_network(void **state) {
        const LinkInfo link = bridge_with(USUAL);
        char again[NETWORK_TAG_SIZE];
        NetworkTag tag;

        assert_int_equal(network_tag_of_link(&link, &tag), 0);
        assert_string_equal(tag.plan.name, "vnicbr0");
        assert_int_equal(tag.plan.kind, NETWORK_NAT);
        assert_int_equal(tag.plan.mtu, 1500);
        assert_int_equal(tag.plan.v4_prefix, 24);
        assert_int_equal(tag.plan.v6_prefix, 64);
        assert_false(tag.kept);
        assert_true(tag.guard_v6);
        assert_false(tag.plan.guard_addresses);
        assert_int_equal(tag.uplinks.n, 2);
        assert_int_equal(tag.uplinks.ifindexes[1], 3);
        assert_string_equal(network_tag_format(&tag, again), USUAL);
}

/* The longest text of a field, and another than its default. */
static const char *longest(const NetworkField *field, char buffer[static NETWORK_FIELD_SIZE]) {
        if (field->max > 0)
                snprintf(buffer, NETWORK_FIELD_SIZE, "%u", field->max - 1);
        else if (strcmp(field->word, "domain") == 0)
                strcpy(buffer, "abcdefghijklmnopqrstuvwxyzabcdef");
        else
                strcpy(buffer, "yes");
        return buffer;
}

/* Of a network that leads out: only there uplinks are written. It has access to the host. */
static void make_longest(NetworkTag *ret) {
        NetworkTag tag = { .plan = NETWORK_PLAN_INIT, .kept = true, .guard_v6 = true };
        char buffer[NETWORK_FIELD_SIZE];

        strcpy(tag.plan.name, "abcdefghijklmno");
        assert_int_equal(network_plan_add_address(&tag.plan, "192.168.100.201/24"), 0);
        assert_int_equal(network_plan_add_address(
                                         &tag.plan, "fd12:3456:789a:bcde:f012:3456:789a:bcde/64"),
                        0);
        for (size_t i = 0; i < NETWORK_FIELDS_N; i++) {
                const NetworkField *field = &network_fields[i];

                if (strcmp(field->word, "kind") != 0 && strcmp(field->word, "address") != 0)
                        assert_int_equal(field->set(&tag.plan, field, longest(field, buffer)), 0);
        }
        tag.plan.kind = NETWORK_NAT;
        tag.plan.mtu = 1500;
        tag.plan.dhcp = false;
        *ret = tag;
}

/* How many of the uplinks there is room for beside the longest of everything else. */
static void assert_uplinks_fit(const NetworkUplinks *uplinks, size_t digits) {
        char text[NETWORK_TAG_SIZE];
        NetworkTag tag, parsed;
        size_t room, n;

        make_longest(&tag);
        network_tag_format(&tag, text);
        assert_int_equal(network_tag_parse(text, tag.plan.name, 1500, &parsed), 0);
        room = NETWORK_TAG_SIZE - 1 - strlen(text);
        n = room < strlen(" fwd=") + digits ? 0 : (room - strlen(" fwd")) / (digits + 1);
        n = n < uplinks->n ? n : uplinks->n;
        tag.uplinks = *uplinks;
        network_tag_fit_uplinks(&tag, &tag.uplinks);
        assert_int_equal(tag.uplinks.n, n);
        network_tag_format(&tag, text);
        assert_int_equal(network_tag_parse(text, tag.plan.name, 1500, &parsed), 0);
        assert_int_equal(parsed.uplinks.n, n);
        assert_memory_equal(parsed.uplinks.ifindexes, uplinks->ifindexes, n * sizeof(int));
        assert_true(parsed.kept && parsed.guard_v6 && parsed.plan.guard_addresses);
        assert_string_equal(parsed.plan.domain, tag.plan.domain);
}

static void the_longest_tag_fits_into_an_alias(void **state) {
        static const NetworkUplinks few = { { 9996, 9997, 9998, 9999 }, 4 };
        static const NetworkUplinks far = { { INT32_MAX, INT32_MAX - 1, INT32_MAX - 2 }, 3 };

        assert_uplinks_fit(&few, 4);
        assert_uplinks_fit(&far, 10);
}

/* Only what is at its longest leaves none out. */
static void a_usual_tag_has_room_for_all_uplinks(void **state) {
        NetworkTag tag = { .plan = NETWORK_PLAN_INIT,
                .guard_v6 = true,
                .uplinks = { { INT32_MAX, INT32_MAX - 1, INT32_MAX - 2, INT32_MAX - 3 }, 4 } };

        tag.plan.kind = NETWORK_NAT;
        tag.plan.reach_lan = tag.plan.guard_addresses = true;
        strcpy(tag.plan.domain, "abcdefghijklmno.internal");
        assert_int_equal(network_plan_add_address(&tag.plan, "192.168.100.201/24"), 0);
        assert_int_equal(network_plan_add_address(&tag.plan, "fd12:3456:789a:bcde::1/64"), 0);
        network_tag_fit_uplinks(&tag, &tag.uplinks);
        assert_int_equal(tag.uplinks.n, 4);
}

static void every_field_comes_back_from_its_tag(void **state) {
        for (size_t i = 0; i < NETWORK_FIELDS_N; i++) {
                const NetworkField *field = &network_fields[i];
                char text[NETWORK_TAG_SIZE], wanted[NETWORK_FIELD_SIZE], found[NETWORK_FIELD_SIZE];
                NetworkTag tag, parsed;

                make_longest(&tag);
                assert_int_equal(network_tag_parse(network_tag_format(&tag, text), tag.plan.name,
                                                 tag.plan.mtu, &parsed),
                                0);
                assert_string_equal(field->format(&parsed.plan, field, found),
                                field->format(&tag.plan, field, wanted));
        }
}

static void what_has_its_default_is_left_out(void **state) {
        NetworkTag tag = { .plan = NETWORK_PLAN_INIT }, parsed;
        char text[NETWORK_TAG_SIZE];

        strcpy(tag.plan.domain, "a");
        tag.plan.mtu = 1400;
        assert_string_equal(network_tag_format(&tag, text), "vnicd-net:1 kind=isolated domain=a");
        assert_int_equal(network_tag_parse(text, "net", 1400, &parsed), 0);
        assert_true(parsed.plan.dhcp && parsed.plan.host_access);
        assert_int_equal(parsed.plan.ports_max, 1023);
        assert_int_equal(parsed.plan.mtu, 1400);
}

/* Networks that an older release made live on, whole, and are written by today's words. */
static void older_tags_are_read(void **state) {
        static const struct {
                const char *older, *today;
        } tags[] = {
                { OLDER, USUAL },
                { "vnicd-net:1 kind=isolated life=kept dhcp=0 apart=1 lan=0 host=0 ports=3 each=1 "
                  "domain=a guard=0",
                                "vnicd-net:1 kind=isolated kept dhcp=no guests-isolated "
                                "host-access=no ports-max=3 ports-per-user=1 domain=a" },
                { "vnicd-net:1 kind=nat life=kept dhcp=1 apart=0 lan=1 host=1 v4=10.70.3.1/24 "
                  "v6=none ports=1023 each=1 domain=a guard=1 own fwd=2,3,4,5",
                                "vnicd-net:1 kind=nat kept address=10.70.3.1/24 reach-lan "
                                "guard-addresses ports-per-user=1 domain=a ipv6=none guard-ipv6 "
                                "fwd=2,3,4,5" },
                { "vnicd-net:1 kind=nat life=config dhcp=0 apart=1 lan=1 host=1 "
                  "v4=192.168.100.201/24 v6=fd12:3456:789a:bcde:f012:3456:789a:bcde/64 ports=1023 "
                  "each=1023 domain=abcdefghijklmnopqrstuvwxyzabcdef guard=1 own",
                                "vnicd-net:1 kind=nat "
                                "address=192.168.100.201/24,"
                                "fd12:3456:789a:bcde:f012:3456:789a:bcde/64 dhcp=no "
                                "guests-isolated reach-lan guard-addresses "
                                "domain=abcdefghijklmnopqrstuvwxyzabcdef guard-ipv6" },
        };

        for (size_t i = 0; i < ELEMENTS(tags); i++) {
                char text[NETWORK_TAG_SIZE];
                NetworkTag older, today;

                assert_int_equal(network_tag_parse(tags[i].older, "vnicbr0", 1500, &older), 0);
                assert_string_equal(network_tag_format(&older, text), tags[i].today);
                assert_int_equal(network_tag_parse(text, "vnicbr0", 1500, &today), 0);
                assert_memory_equal(&older.uplinks, &today.uplinks, sizeof(today.uplinks));
                assert_string_equal(network_tag_format(&today, text), tags[i].today);
        }
}

#define BARE "vnicd-net:1 kind=nat dhcp=no domain=a"

static void what_is_not_exactly_a_tag_is_none(void **state) {
        static const char *const wrong[] = { "", "vnicd-net:1", "vnicd:1 uid=0", USUAL " ",
                " " USUAL, USUAL ",", USUAL ",4,5,6", "x" USUAL, USUAL " own", OLDER " own",
                OLDER " ", OLDER ",", OLDER ",4,5,6", USUAL " kept", BARE " domain=b", BARE " kept",
                "vnicd-net:1 domain=a", "vnicd-net:1 kind=nat",
                "vnicd-net:1 kind=nat domain=", "vnicd-net:2 kind=nat domain=a",
                "vnicd-net:1 kind=nat kept=yes domain=a", "vnicd-net:1 kind=nat dhcp domain=a",
                "vnicd-net:1 kind=nat dhcp=0 domain=a", "vnicd-net:1 kind=nat dhcp=yes domain=a",
                "vnicd-net:1 kind=nat guests-isolated=yes domain=a",
                "vnicd-net:1 kind=nat apart domain=a", "vnicd-net:1 kind=nat mtu=1500 domain=a",
                "vnicd-net:1 kind=nat ports-max=1023 domain=a",
                "vnicd-net:1 kind=nat ports-max=0 domain=a",
                "vnicd-net:1 kind=nat ports-max=01 domain=a",
                "vnicd-net:1 kind=nat host-access=no domain=a",
                "vnicd-net:1 kind=isolated reach-lan domain=a",
                "vnicd-net:1 kind=nat address=10.70.3.1/24,10.70.4.1/24 domain=a",
                "vnicd-net:1 kind=nat address=fd70:3::1/64,10.70.3.1/24 domain=a",
                "vnicd-net:1 kind=nat address=10.70.3.1/24, domain=a",
                "vnicd-net:1 kind=nat address= domain=a", "vnicd-net:1 kind=nat domain=a vlan=5",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0 own=1",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0 own own",
                "vnicd-net:2 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=2 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=no apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=lan life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=0 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=0 ports=1 each=1 "
                "domain=a guard=0",
                "vnicd-net:1 kind=nat life=config dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain= guard=0",
                "vnicd-net:1 life=config kind=nat dhcp=1 apart=0 lan=0 host=1 ports=1 each=1 "
                "domain=a guard=0" };
        NetworkTag tag;

        assert_int_equal(network_tag_parse(BARE, "vnicbr0", 1500, &tag), 0);
        for (size_t i = 0; i < ELEMENTS(wrong); i++)
                if (network_tag_parse(wrong[i], "vnicbr0", 1500, &tag) != -EINVAL)
                        fail_msg("\"%s\" was taken", wrong[i]);
}

static void a_bridge_is_ours_by_group_and_tag(void **state) {
        LinkInfo link = bridge_with(USUAL);
        NetworkTag tag;

        link.group = 0;
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
        link = bridge_with(USUAL);
        strcpy(link.kind, "veth");
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
        link = bridge_with("somebody's");
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
        link = bridge_with("");
        assert_int_equal(network_tag_of_link(&link, &tag), -EBADMSG);
        strcpy(link.kind, "dummy");
        assert_int_equal(network_tag_of_link(&link, &tag), -ENOMSG);
}

static void taps_have_the_group_of_their_bridge(void **state) {
        assert_int_equal(network_tap_group(7), 0x76000007);
        assert_int_equal(network_of_tap_group(0x76000007), 7);
        assert_int_equal(network_of_tap_group(network_tap_group(0x01000009)), 9);
        assert_int_equal(network_of_tap_group(NETWORK_GROUP), 0);
        assert_int_equal(network_of_tap_group(0), 0);
        assert_int_equal(network_of_tap_group(0x75000007), 0);
}

static void whichever_sources_are_told_the_bridge_is_the_same(void **state) {
        static const uint32_t groups[] = { 0x76000007, 0x74000007, 0x72000007 };
        static const TapSources sources[] = {
                TAP_SOURCES_WATCHED,
                TAP_SOURCES_AWAITED,
                TAP_SOURCES_UNTOLD,
        };

        for (size_t i = 0; i < ELEMENTS(groups); i++) {
                assert_int_equal(group_with_sources(0x76000007, sources[i]), groups[i]);
                assert_int_equal(group_with_sources(groups[i], TAP_SOURCES_WATCHED), 0x76000007);
                assert_int_equal(group_sources(groups[i]), sources[i]);
                assert_int_equal(network_of_tap_group(groups[i]), 7);
                assert_true(group_is_of_network(groups[i], 7));
                assert_false(group_is_of_network(groups[i], 8));
                assert_true(group_is_of_bridged_tap(groups[i]));
        }
        assert_false(group_is_of_network(0x77000007, 7));
        assert_false(group_is_of_network(0x12000007, 7));
        assert_false(group_is_of_network(NETWORK_GROUP, 0x6e6963));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tag_says_all_that_makes_the_network),
                cmocka_unit_test(the_longest_tag_fits_into_an_alias),
                cmocka_unit_test(a_usual_tag_has_room_for_all_uplinks),
                cmocka_unit_test(every_field_comes_back_from_its_tag),
                cmocka_unit_test(what_has_its_default_is_left_out),
                cmocka_unit_test(older_tags_are_read),
                cmocka_unit_test(what_is_not_exactly_a_tag_is_none),
                cmocka_unit_test(a_bridge_is_ours_by_group_and_tag),
                cmocka_unit_test(taps_have_the_group_of_their_bridge),
                cmocka_unit_test(whichever_sources_are_told_the_bridge_is_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
