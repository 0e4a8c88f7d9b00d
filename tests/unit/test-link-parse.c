/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hand-made kernel messages: any attribute may be missing, wrong, or of a newer kernel, and a
 * message may end anywhere. Each is parsed from a buffer of exactly its length, so that a sanitizer
 * sees a byte read past its end.
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "kernel/link-parse.h"
#include "kernel/link.h"
#include "kernel/rtnl-gaps.h"
#include "testing.h"

static struct nl_msg *new_message(int type, int family) {
        const struct ifinfomsg header = {
                .ifi_family = (unsigned char)family,
                .ifi_index = 42,
                .ifi_flags = IFF_UP | IFF_RUNNING,
        };
        struct nl_msg *message = nlmsg_alloc_simple(type, 0);

        assert_non_null(message);
        assert_int_equal(nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO), 0);
        return message;
}

static struct nlattr *begin(struct nl_msg *message, int type) {
        struct nlattr *nest = nla_nest_start(message, type);

        assert_non_null(nest);
        return nest;
}

static int parse_bytes(const void *bytes, size_t size, LinkInfo *ret) {
        void *copy = malloc(size);
        int r;

        assert_non_null(copy);
        memcpy(copy, bytes, size);
        r = link_parse(copy, ret);
        free(copy);
        return r;
}

/* Parses and frees the message. */
static int parse(struct nl_msg *message, LinkInfo *ret) {
        int r = parse_bytes(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len, ret);

        nlmsg_free(message);
        return r;
}

/* A tap on a bridge, with everything. */
static struct nl_msg *full_message(int type) {
        const Mac mac = { { 0xfe, 0x54, 0, 1, 2, 3 } };
        struct nl_msg *message = new_message(type, AF_UNSPEC);
        struct nlattr *info, *data;

        nla_put_string(message, IFLA_IFNAME, "vnic3f9a01c2");
        nla_put_string(message, IFLA_IFALIAS, "words");
        nla_put(message, IFLA_ADDRESS, sizeof(mac), &mac);
        nla_put_u32(message, IFLA_MTU, 9000);
        nla_put_u32(message, IFLA_MASTER, 7);
        nla_put_u32(message, IFLA_NUM_TX_QUEUES, 256);
        info = begin(message, IFLA_LINKINFO);
        nla_put_string(message, IFLA_INFO_KIND, "tun");
        data = begin(message, IFLA_INFO_DATA);
        nla_put_u8(message, IFLA_TUN_TYPE, IFF_TAP);
        nla_put_u8(message, IFLA_TUN_VNET_HDR, 1);
        nla_put_u8(message, IFLA_TUN_MULTI_QUEUE, 1);
        nla_put_u8(message, IFLA_TUN_PERSIST, 1);
        nla_put_u32(message, IFLA_TUN_OWNER, 1000);
        nla_put_u32(message, IFLA_TUN_NUM_QUEUES, 4);
        nla_put_u32(message, IFLA_TUN_NUM_DISABLED_QUEUES, 2);
        nla_nest_end(message, data);
        nla_put_string(message, IFLA_INFO_SLAVE_KIND, "bridge");
        data = begin(message, IFLA_INFO_SLAVE_DATA);
        nla_put_u8(message, IFLA_BRPORT_LEARNING, 1);
        nla_put_u8(message, IFLA_BRPORT_ISOLATED, 1);
        nla_put_u8(message, IFLA_BRPORT_PROTECT, 1);
        nla_put_u8(message, IFLA_BRPORT_GUARD, 1);
        nla_put_u8(message, IFLA_BRPORT_STATE, 3);
        nla_put_u8(message, IFLA_BRPORT_LOCKED, 1);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        return message;
}

static void everything_that_a_message_says_is_taken_over(void **state) {
        const Mac mac = { { 0xfe, 0x54, 0, 1, 2, 3 } };
        LinkInfo link;

        assert_int_equal(parse(full_message(RTM_NEWLINK), &link), 0);
        assert_int_equal(link.ifindex, 42);
        assert_string_equal(link.name, "vnic3f9a01c2");
        assert_string_equal(link.kind, "tun");
        assert_string_equal(link.alias, "words");
        assert_true(mac_equal(&link.mac, &mac));
        assert_int_equal(link.mtu, 9000);
        assert_int_equal(link.tx_queues, 256);
        assert_int_equal(link.master, 7);
        assert_int_equal(link.flags, IFF_UP | IFF_RUNNING);
        assert_true(link.port.isolated && link.port.locked && link.port.learning);
        assert_true(link.port.root_block && link.port.bpdu_guard);
        assert_int_equal(link.port.state, LINK_PORT_FORWARDING);
        assert_true(link.tun.tap && link.tun.vnet_hdr && link.tun.multiqueue);
        assert_true(link.tun.persistent && link.tun.owned);
        assert_int_equal(link.tun.owner, 1000);
        assert_int_equal(link.tun.queues, 4);
        assert_int_equal(link.tun.queues_disabled, 2);
}

static void a_farewell_is_read_as_well(void **state) {
        LinkInfo link;

        assert_int_equal(parse(full_message(RTM_DELLINK), &link), 0);
        assert_int_equal(link.ifindex, 42);
        assert_string_equal(link.name, "vnic3f9a01c2");
}

static void without_any_attribute_it_is_a_link_with_a_number(void **state) {
        LinkInfo link, expected = { .ifindex = 42, .flags = IFF_UP | IFF_RUNNING };

        memset(&link, 0xee, sizeof(link));
        assert_int_equal(parse(new_message(RTM_NEWLINK, AF_UNSPEC), &link), 0);
        assert_int_equal(link.ifindex, expected.ifindex);
        assert_int_equal(link.flags, expected.flags);
        assert_string_equal(link.name, "");
        assert_string_equal(link.kind, "");
        assert_string_equal(link.alias, "");
        assert_int_equal(link.master, 0);
        assert_int_equal(link.mtu, 0);
        assert_false(link.tun.tap);
        assert_false(link.tun.owned);
        assert_false(link.port.locked);
}

static void a_bridges_word_about_its_port_is_another_matter(void **state) {
        LinkInfo link = { .ifindex = 5 };

        assert_int_equal(parse(new_message(RTM_NEWLINK, AF_BRIDGE), &link), -ENOMSG);
        assert_int_equal(parse(new_message(RTM_DELLINK, AF_BRIDGE), &link), -ENOMSG);
        assert_int_equal(parse(new_message(RTM_NEWLINK, AF_INET6), &link), -ENOMSG);
        assert_int_equal(link.ifindex, 5);
}

static void messages_about_something_else_are_passed_over(void **state) {
        static const int types[] = { NLMSG_DONE, NLMSG_ERROR, RTM_GETLINK, RTM_SETLINK, RTM_NEWADDR,
                RTM_NEWNEIGH, 0, 0xffff };
        LinkInfo link = { .ifindex = 5 };

        for (size_t i = 0; i < ELEMENTS(types); i++)
                assert_int_equal(parse(new_message(types[i], AF_UNSPEC), &link), -ENOMSG);
        assert_int_equal(link.ifindex, 5);
}

static void a_message_shorter_than_its_header_is_malformed(void **state) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);
        size_t size = nlmsg_hdr(message)->nlmsg_len;
        LinkInfo link = { .ifindex = 5 };

        for (size_t n = sizeof(struct nlmsghdr); n < size; n++) {
                nlmsg_hdr(message)->nlmsg_len = (uint32_t)n;
                assert_int_equal(parse_bytes(nlmsg_hdr(message), n, &link), -EPROTO);
        }
        assert_int_equal(link.ifindex, 5);
        nlmsg_free(message);
}

/* Cut anywhere, a message is either malformed or contains less, never something else. */
static void a_message_cut_anywhere_says_less_or_nothing(void **state) {
        struct nl_msg *message = full_message(RTM_NEWLINK);
        size_t size = nlmsg_hdr(message)->nlmsg_len;

        for (size_t n = sizeof(struct nlmsghdr); n < size; n++) {
                LinkInfo link;

                nlmsg_hdr(message)->nlmsg_len = (uint32_t)n;
                if (parse_bytes(nlmsg_hdr(message), n, &link) < 0)
                        continue;
                assert_int_equal(link.ifindex, 42);
                assert_true(*link.name == '\0' || strcmp(link.name, "vnic3f9a01c2") == 0);
                assert_true(*link.alias == '\0' || strcmp(link.alias, "words") == 0);
        }
        nlmsg_free(message);
}

static void attributes_of_the_wrong_length_are_malformed(void **state) {
        static const int types[] = { IFLA_MTU, IFLA_MASTER, IFLA_NUM_TX_QUEUES };
        LinkInfo link;

        for (size_t i = 0; i < ELEMENTS(types); i++) {
                struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);

                nla_put_u16(message, types[i], 7);
                assert_int_equal(parse(message, &link), -EPROTO);
        }
}

static void a_name_without_its_end_is_malformed(void **state) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);
        LinkInfo link;

        nla_put(message, IFLA_IFNAME, 4, "vnic");
        assert_int_equal(parse(message, &link), -EPROTO);
}

static void a_name_or_alias_too_long_is_malformed(void **state) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);
        char text[300];
        LinkInfo link;

        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        nla_put_string(message, IFLA_IFNAME, "abcdefghijklmnop");
        assert_int_equal(parse(message, &link), -EPROTO);
        message = new_message(RTM_NEWLINK, AF_UNSPEC);
        nla_put_string(message, IFLA_IFALIAS, text);
        assert_int_equal(parse(message, &link), -EPROTO);
}

static void the_longest_alias_fits(void **state) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);
        char text[LINK_ALIAS_SIZE];
        LinkInfo link;

        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        nla_put_string(message, IFLA_IFALIAS, text);
        assert_int_equal(parse(message, &link), 0);
        assert_string_equal(link.alias, text);
}

static void an_address_that_is_no_mac_is_none(void **state) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);
        const Mac zero = { { 0 } };
        LinkInfo link;

        nla_put(message, IFLA_ADDRESS, 20, "01234567890123456789");
        assert_int_equal(parse(message, &link), 0);
        assert_true(mac_equal(&link.mac, &zero));
        message = new_message(RTM_NEWLINK, AF_UNSPEC);
        nla_put(message, IFLA_ADDRESS, 0, "");
        assert_int_equal(parse(message, &link), 0);
        assert_true(mac_equal(&link.mac, &zero));
}

static void attributes_of_a_newer_kernel_are_passed_over(void **state) {
        struct nl_msg *message = full_message(RTM_NEWLINK);
        LinkInfo link;

        nla_put_u32(message, IFLA_MAX + 1, 1);
        nla_put_u32(message, IFLA_MAX + 100, 1);
        assert_int_equal(parse(message, &link), 0);
        assert_int_equal(link.tun.queues, 4);
}

static struct nl_msg *message_of_kind(const char *kind, struct nlattr **ret_info) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_UNSPEC);

        *ret_info = begin(message, IFLA_LINKINFO);
        nla_put_string(message, IFLA_INFO_KIND, kind);
        return message;
}

static void a_tun_device_is_no_tap(void **state) {
        struct nlattr *info, *data;
        struct nl_msg *message = message_of_kind("tun", &info);
        LinkInfo link;

        data = begin(message, IFLA_INFO_DATA);
        nla_put_u8(message, IFLA_TUN_TYPE, IFF_TUN);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), 0);
        assert_string_equal(link.kind, "tun");
        assert_false(link.tun.tap);
}

static void a_tap_without_a_count_has_one_queue_and_maybe_no_owner(void **state) {
        struct nlattr *info, *data;
        struct nl_msg *message = message_of_kind("tun", &info);
        LinkInfo link;

        data = begin(message, IFLA_INFO_DATA);
        nla_put_u8(message, IFLA_TUN_TYPE, IFF_TAP);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), 0);
        assert_true(link.tun.tap);
        assert_int_equal(link.tun.queues, 1);
        assert_int_equal(link.tun.queues_disabled, 0);
        assert_false(link.tun.owned);
        assert_false(link.tun.multiqueue || link.tun.vnet_hdr || link.tun.persistent);
}

/* The same attribute numbers have another meaning there. */
static void the_data_of_another_kind_is_not_read_as_a_taps(void **state) {
        struct nlattr *info, *data;
        struct nl_msg *message = message_of_kind("veth", &info);
        LinkInfo link;

        data = begin(message, IFLA_INFO_DATA);
        nla_put_u8(message, IFLA_TUN_TYPE, IFF_TAP);
        nla_put_u32(message, IFLA_TUN_OWNER, 1000);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), 0);
        assert_false(link.tun.tap);
        assert_false(link.tun.owned);
}

/* libnl rejects the whole of each, and aborts the program over the last. */
static void a_link_of_a_kind_that_libnl_cannot_read_is_read(void **state) {
        struct nlattr *info, *data;
        struct nl_msg *message = message_of_kind("vlan", &info);
        LinkInfo link;

        data = begin(message, IFLA_INFO_DATA);
        nla_put_u8(message, IFLA_VLAN_ID, 7);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        nla_put_u32(message, IFLA_NUM_VF, 1);
        data = begin(message, IFLA_VFINFO_LIST);
        nla_put_u8(message, IFLA_VF_INFO, 7);
        nla_nest_end(message, data);
        data = begin(message, IFLA_AF_SPEC);
        info = begin(message, AF_INET6);
        nla_put_u8(message, IFLA_INET6_CONF, 7);
        nla_nest_end(message, info);
        nla_nest_end(message, data);
        nla_put_u32(message, IFLA_MTU, 1400);
        assert_int_equal(parse(message, &link), 0);
        assert_string_equal(link.kind, "vlan");
        assert_int_equal(link.mtu, 1400);

        message = message_of_kind("vlan", &info);
        data = begin(message, IFLA_INFO_XSTATS);
        nla_put_u8(message, 1, 7);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), 0);
        assert_string_equal(link.kind, "vlan");
}

static void a_port_of_a_bond_is_not_read_as_a_bridges(void **state) {
        struct nlattr *info, *data;
        struct nl_msg *message = message_of_kind("tun", &info);
        LinkInfo link;

        nla_put_string(message, IFLA_INFO_SLAVE_KIND, "bond");
        data = begin(message, IFLA_INFO_SLAVE_DATA);
        nla_put_u8(message, IFLA_BRPORT_LOCKED, 1);
        nla_put_u8(message, IFLA_BRPORT_LEARNING, 1);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), 0);
        assert_false(link.port.locked || link.port.learning);
}

static void a_kind_too_long_is_not_cut_into_one_of_ours(void **state) {
        struct nlattr *info;
        struct nl_msg *message = message_of_kind("tunnel-of-a-much-longer-name", &info);
        LinkInfo link;

        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), 0);
        assert_string_not_equal(link.kind, "tun");
        assert_true(strlen(link.kind) < sizeof(link.kind));
}

static void wrong_lengths_inside_a_nest_are_malformed(void **state) {
        struct nlattr *info, *data;
        struct nl_msg *message = message_of_kind("tun", &info);
        LinkInfo link;

        data = begin(message, IFLA_INFO_DATA);
        nla_put_u8(message, IFLA_TUN_OWNER, 1);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        assert_int_equal(parse(message, &link), -EPROTO);
}

static void put_vlan(struct nl_msg *message, uint16_t vlan, uint16_t flags) {
        const struct bridge_vlan_info info = { .vid = vlan, .flags = flags };

        assert_int_equal(nla_put(message, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info), 0);
}

static void parse_port_vlans(struct nl_msg *message, PortVlans *ret) {
        rtnl_parse_port_vlans(nlmsg_hdr(message), ret);
        nlmsg_free(message);
}

static void assert_range(const PortVlans *vlans, size_t i, unsigned first, unsigned last) {
        assert_true(i < vlans->n);
        assert_int_equal(vlans->ranges[i].first, first);
        assert_int_equal(vlans->ranges[i].last, last);
}

/* The kernel reports two or more consecutive neighbours that are alike by the first and the last
 * of them. */
static void a_range_of_vlans_is_all_that_lie_between_its_ends(void **state) {
        struct nl_msg *message = new_message(RTM_NEWLINK, AF_BRIDGE);
        struct nlattr *all = begin(message, IFLA_AF_SPEC);
        PortVlans vlans;

        put_vlan(message, 1, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
        put_vlan(message, 10, BRIDGE_VLAN_INFO_RANGE_BEGIN);
        put_vlan(message, 20, BRIDGE_VLAN_INFO_RANGE_END);
        put_vlan(message, 30, 0);
        put_vlan(message, 40, BRIDGE_VLAN_INFO_RANGE_BEGIN | BRIDGE_VLAN_INFO_UNTAGGED);
        put_vlan(message, 41, BRIDGE_VLAN_INFO_RANGE_END | BRIDGE_VLAN_INFO_UNTAGGED);
        nla_nest_end(message, all);
        parse_port_vlans(message, &vlans);
        assert_int_equal(vlans.n, 4);
        assert_range(&vlans, 0, 1, 1);
        assert_range(&vlans, 1, 10, 20);
        assert_range(&vlans, 2, 30, 30);
        assert_range(&vlans, 3, 40, 41);
}

/* Random bytes are flipped in a full message; the sanitizers decide the result. */
static void a_damaged_message_is_read_without_harm(void **state) {
        struct nl_msg *message = full_message(RTM_NEWLINK);
        size_t size = nlmsg_hdr(message)->nlmsg_len;
        uint64_t seed = RANDOM_SEED;
        LinkInfo link;

        for (int i = 0; i < 200000; i++) {
                unsigned char bytes[1024];

                assert_true(size <= sizeof(bytes));
                memcpy(bytes, nlmsg_hdr(message), size);
                for (uint64_t n = 1 + random_next(&seed) % 4; n > 0; n--)
                        bytes[16 + random_next(&seed) % (size - 16)] = (uint8_t)random_next(&seed);
                if (parse_bytes(bytes, size, &link) >= 0) {
                        assert_true(strlen(link.name) < sizeof(link.name));
                        assert_true(strlen(link.alias) < sizeof(link.alias));
                        assert_true(strlen(link.kind) < sizeof(link.kind));
                }
        }
        nlmsg_free(message);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everything_that_a_message_says_is_taken_over),
                cmocka_unit_test(a_farewell_is_read_as_well),
                cmocka_unit_test(without_any_attribute_it_is_a_link_with_a_number),
                cmocka_unit_test(a_bridges_word_about_its_port_is_another_matter),
                cmocka_unit_test(messages_about_something_else_are_passed_over),
                cmocka_unit_test(a_message_shorter_than_its_header_is_malformed),
                cmocka_unit_test(a_message_cut_anywhere_says_less_or_nothing),
                cmocka_unit_test(attributes_of_the_wrong_length_are_malformed),
                cmocka_unit_test(a_name_without_its_end_is_malformed),
                cmocka_unit_test(a_name_or_alias_too_long_is_malformed),
                cmocka_unit_test(the_longest_alias_fits),
                cmocka_unit_test(an_address_that_is_no_mac_is_none),
                cmocka_unit_test(attributes_of_a_newer_kernel_are_passed_over),
                cmocka_unit_test(a_tun_device_is_no_tap),
                cmocka_unit_test(a_tap_without_a_count_has_one_queue_and_maybe_no_owner),
                cmocka_unit_test(the_data_of_another_kind_is_not_read_as_a_taps),
                cmocka_unit_test(a_link_of_a_kind_that_libnl_cannot_read_is_read),
                cmocka_unit_test(a_port_of_a_bond_is_not_read_as_a_bridges),
                cmocka_unit_test(a_kind_too_long_is_not_cut_into_one_of_ours),
                cmocka_unit_test(wrong_lengths_inside_a_nest_are_malformed),
                cmocka_unit_test(a_range_of_vlans_is_all_that_lie_between_its_ends),
                cmocka_unit_test(a_damaged_message_is_read_without_harm),
        };

        return cmocka_run_group_tests_name("link-parse", tests, NULL, NULL);
}
