/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The messages to a DHCP server in a guest's name, byte by byte; the bus tier tests that the real
 * server accepts them.
 */

#include <arpa/inet.h>

#include "networks/dhcp-frame.h"
#include "testing.h"

#define AT_IP      14
#define AT_UDP     34
#define AT_DHCP    42
#define AT_OPTIONS (AT_DHCP + 240)

static const Mac client = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };

static void frame_of(DhcpMessageType type, uint8_t frame[static DHCP_FRAME_SIZE]) {
        DhcpServer server = { .mac = { { 0x76, 0x6e, 0x69, 0x63, 0xbd, 0x15 } } };
        DhcpMessage message = { .type = type, .client = client };

        inet_pton(AF_INET, "10.90.7.1", &server.address);
        inet_pton(AF_INET, "10.90.7.40", &message.address);
        memset(frame, 0xff, DHCP_FRAME_SIZE);
        dhcp_frame(&server, &message, frame);
}

static void assert_header(const uint8_t *frame, const char *source, const char *target) {
        uint32_t sum = 0;
        struct in_addr addresses[2];

        assert_memory_equal(frame, "\x76\x6e\x69\x63\xbd\x15\x52\x54\x00\x12\x34\x56\x08\x00", 14);
        for (size_t i = 0; i < 20; i += 2)
                sum += (uint32_t)frame[AT_IP + i] << 8 | frame[AT_IP + i + 1];
        sum = (sum & 0xffff) + (sum >> 16);
        assert_int_equal(sum, 0xffff);
        inet_pton(AF_INET, source, &addresses[0]);
        inet_pton(AF_INET, target, &addresses[1]);
        assert_memory_equal(frame + AT_IP + 12, addresses, sizeof(addresses));
        assert_memory_equal(frame + AT_UDP, "\x00\x44\x00\x43", 4);
        assert_int_equal(frame[AT_IP + 2] << 8 | frame[AT_IP + 3], DHCP_FRAME_SIZE - AT_IP);
        assert_int_equal(frame[AT_UDP + 4] << 8 | frame[AT_UDP + 5], DHCP_FRAME_SIZE - AT_UDP);
}

static void assert_client(const uint8_t *frame) {
        assert_memory_equal(frame + AT_DHCP, "\x01\x01\x06\x00", 4);
        assert_memory_equal(frame + AT_DHCP + 28, &client, sizeof(client));
        assert_memory_equal(frame + AT_DHCP + 236, "\x63\x82\x53\x63", 4);
}

static void a_release_names_the_address_and_the_server(void **state) {
        uint8_t frame[DHCP_FRAME_SIZE];

        frame_of(DHCP_RELEASE, frame);
        assert_header(frame, "10.90.7.40", "10.90.7.1");
        assert_client(frame);
        assert_memory_equal(frame + AT_DHCP + 12, "\x0a\x5a\x07\x28", 4);
        assert_memory_equal(frame + AT_OPTIONS, "\x35\x01\x07\x36\x04\x0a\x5a\x07\x01\xff", 10);
}

static void a_request_asks_for_the_address_and_has_none_yet(void **state) {
        uint8_t frame[DHCP_FRAME_SIZE];

        frame_of(DHCP_REQUEST, frame);
        assert_header(frame, "0.0.0.0", "255.255.255.255");
        assert_client(frame);
        assert_memory_equal(frame + AT_DHCP + 12, "\0\0\0\0", 4);
        assert_memory_equal(frame + AT_OPTIONS, "\x35\x01\x03\x32\x04\x0a\x5a\x07\x28\xff", 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_release_names_the_address_and_the_server),
                cmocka_unit_test(a_request_asks_for_the_address_and_has_none_yet),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
