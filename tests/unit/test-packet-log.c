/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's reports about frames by nfnetlink_log, from rules of nft(8) that request them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/packet-log.h"
#include "kernel/tap.h"
#include "testing.h"
#include "world.h"

DEFINE_CLEANUP(PacketLog, packet_log_close)

#define GROUP 30318

/* What was reported last, and how often. */
typedef struct Told {
        int ifindex;
        Mac source;
        unsigned times;
} Told;

static void on_told(int ifindex, const Mac *source, void *userdata) {
        Told *told = userdata;

        *told = (Told){ ifindex, *source, told->times + 1 };
}

static Told read_all(PacketLog *log) {
        Told told = { 0 };
        int r = 1;

        while (r > 0)
                r = packet_log_read(log, on_told, &told);
        assert_int_equal(r, 0);
        return told;
}

/* A bridge whose port reports every frame. */
static int open_port(void) {
        TapDevice device = { .name = "port" };
        int fd;

        assert_ok(tap_create(&device, &fd, NULL));
        assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
        world_run("ip link add lab type bridge; ip link set port master lab; ip link set lab up; "
                  "ip link set port up; until bridge link show | grep -q 'state forwarding'; do "
                  "sleep .01; done");
        world_run("nft 'table bridge t { chain c { type filter hook prerouting priority -300; "
                  "ether type 0x88b5 log group %u; }; }'",
                        GROUP);
        return fd;
}

static void send_from(int fd, uint8_t last) {
        const uint8_t frame[ETH_ZLEN] = {
                0xff,
                0xff,
                0xff,
                0xff,
                0xff,
                0xff,
                0x52,
                0x54,
                0,
                0,
                0,
                last,
                0x88,
                0xb5,
        };

        assert_int_equal(write(fd, frame, sizeof(frame)), sizeof(frame));
}

static void a_frame_is_told_of_by_its_port_and_source(void **state) {
        _cleanup_(packet_log_closep) PacketLog *log = NULL;
        _cleanup_close_ int port = open_port();

        assert_ok(packet_log_open(&log, GROUP));
        assert_int_equal(read_all(log).times, 0);
        for (uint8_t i = 1; i < 4; i++) {
                Told told;

                send_from(port, i);
                told = read_all(log);
                assert_int_equal(told.times, 1);
                assert_int_equal(told.ifindex, world_ifindex("port"));
                assert_true(mac_equal(&told.source, &(Mac){ { 0x52, 0x54, 0, 0, 0, i } }));
        }
}

static void many_frames_are_no_error(void **state) {
        _cleanup_(packet_log_closep) PacketLog *log = NULL;
        _cleanup_close_ int port = open_port();

        assert_ok(packet_log_open(&log, GROUP));
        for (unsigned i = 0; i < 20000; i++)
                send_from(port, (uint8_t)i);
        assert_true(read_all(log).times > 10);
        send_from(port, 9);
        assert_int_equal(read_all(log).times, 1);
}

static void a_group_is_one_programs(void **state) {
        _cleanup_(packet_log_closep) PacketLog *log = NULL;
        const unsigned fds = world_count_fds();
        PacketLog *other = NULL;

        assert_ok(packet_log_open(&log, GROUP));
        assert_int_equal(world_count_fds(), fds + 1);
        assert_int_equal(packet_log_open(&other, GROUP), -EBUSY);
        assert_null(other);
        assert_int_equal(world_count_fds(), fds + 1);
        log = packet_log_close(log);
        assert_int_equal(world_count_fds(), fds);
        assert_ok(packet_log_open(&log, GROUP));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(a_frame_is_told_of_by_its_port_and_source, world_enter),
                cmocka_unit_test_setup(many_frames_are_no_error, world_enter),
                cmocka_unit_test_setup(a_group_is_one_programs, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
