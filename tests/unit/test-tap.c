/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/net/tun: what the kernel made of a request, read back by ioctl and iproute2. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "kernel/owner-race-guard.h"
#include "kernel/tap.h"
#include "testing.h"
#include "world.h"

#define FLAGS (IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_PERSIST)

static int flags_of(int fd) {
        struct ifreq request = { 0 };

        assert_int_equal(ioctl(fd, TUNGETIFF, &request), 0);
        return request.ifr_flags & FLAGS;
}

static int header_size_of(int fd) {
        int size = -1;

        assert_int_equal(ioctl(fd, TUNGETVNETHDRSZ, &size), 0);
        return size;
}

static int create(const TapDevice *device) {
        Failure failure = FAILURE_INIT;
        int fd = -1;

        if (tap_create(device, &fd, &failure) < 0)
                fail_msg("%s", failure.text);
        assert_int_equal(failure.kind, FAILURE_NONE);
        return fd;
}

static void it_has_the_flags_that_were_asked_for_and_no_others(void **state) {
        for (int bits = 0; bits < 4; bits++) {
                TapDevice device = {
                        .name = "vnic00000001", .vnet_hdr = bits & 1, .multiqueue = bits & 2
                };
                _cleanup_close_ int fd = create(&device);

                assert_int_equal(flags_of(fd),
                                IFF_TAP | IFF_NO_PI | (bits & 1 ? IFF_VNET_HDR : 0) |
                                                (bits & 2 ? IFF_MULTI_QUEUE : 0));
                assert_true(world_has_link("vnic00000001"));
        }
        assert_true(world_loses_link("vnic00000001"));
}

static void its_queue_does_not_block_and_is_not_inherited(void **state) {
        const TapDevice device = { .name = "vnic00000001" };
        _cleanup_close_ int fd = create(&device);

        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
}

static void it_belongs_to_root_is_down_and_does_not_persist(void **state) {
        const TapDevice device = { .name = "vnic00000001", .multiqueue = true };
        _cleanup_close_ int fd = create(&device);

        assert_string_equal(world_read("cat /sys/class/net/vnic00000001/owner"), "0");
        assert_string_equal(world_read("cat /sys/class/net/vnic00000001/group"), "-1");
        assert_string_equal(world_read("cat /sys/class/net/vnic00000001/operstate"), "down");
        assert_true(world_link_says("vnic00000001", "persist off"));
}

static void its_header_has_the_size_that_was_asked_for(void **state) {
        static const unsigned sizes[] = { 10, 12, 20, 24 };

        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                TapDevice device = {
                        .name = "vnic00000001", .vnet_hdr = true, .vnet_hdr_size = sizes[i]
                };
                _cleanup_close_ int fd = create(&device);

                assert_int_equal(header_size_of(fd), sizes[i]);
        }
}

static void without_a_size_the_header_has_the_kernels_ten(void **state) {
        const TapDevice device = { .name = "vnic00000001", .vnet_hdr = true };
        _cleanup_close_ int fd = create(&device);

        assert_int_equal(header_size_of(fd), 10);
}

static void assert_name_is_taken(const char *name) {
        TapDevice device = { .multiqueue = true };
        unsigned fds = world_count_fds();
        Failure failure = FAILURE_INIT;
        int fd = -77;

        snprintf(device.name, sizeof(device.name), "%s", name);
        assert_int_equal(tap_create(&device, &fd, &failure), -EEXIST);
        assert_int_equal(fd, -77);
        assert_int_equal(world_count_fds(), fds);
}

static void a_name_that_is_taken_is_never_attached_to(void **state) {
        const TapDevice device = { .name = "vnic00000001", .multiqueue = true };
        _cleanup_close_ int fd = create(&device);

        assert_name_is_taken("vnic00000001");
        assert_true(world_link_says("vnic00000001", "numqueues 1 "));
}

/* Root may attach to any idle tap; this must not happen. */
static void the_persistent_tap_of_a_user_is_not_attached_to(void **state) {
        world_needs_the_hosts_root();
        world_run("ip tuntap add dev vnic00000002 mode tap user 1000 multi_queue");
        assert_name_is_taken("vnic00000002");
        assert_string_equal(world_read("cat /sys/class/net/vnic00000002/owner"), "1000");
        assert_true(world_link_says("vnic00000002", "numqueues 0 "));
}

static void a_name_of_another_kind_of_link_is_taken_too(void **state) {
        world_run("ip link add vnic00000003 type bridge");
        assert_name_is_taken("vnic00000003");
        assert_name_is_taken("lo");
}

static void an_alternative_name_is_taken_too(void **state) {
        world_run("ip tuntap add dev other mode tap multi_queue && "
                  "ip link property add dev other altname vnic00000004");
        assert_name_is_taken("vnic00000004");
        assert_true(world_link_says("other", "numqueues 0 "));
}

static void a_template_is_not_filled_in(void **state) {
        const TapDevice device = { .name = "vnic%d" };
        unsigned links = world_count_links();
        Failure failure = FAILURE_INIT;
        int fd = -77;

        assert_true(tap_create(&device, &fd, &failure) < 0);
        assert_int_equal(fd, -77);
        assert_int_equal(world_count_links(), links);
}

static void a_further_queue_is_one_more_of_the_same(void **state) {
        const TapDevice device = { .name = "vnic00000001", .vnet_hdr = true, .multiqueue = true };
        _cleanup_close_ int first = create(&device), second = -EBADF;

        assert_int_equal(tap_open_queue(&device, &second, NULL), 0);
        assert_int_equal(flags_of(second), flags_of(first));
        assert_true(fcntl(second, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(second, F_GETFD) & FD_CLOEXEC);
        assert_true(world_link_says("vnic00000001", "numqueues 2 "));
        assert_int_equal(header_size_of(second), 10);
}

static void a_further_queue_of_a_single_queue_tap_is_refused(void **state) {
        const TapDevice device = { .name = "vnic00000001" };
        _cleanup_close_ int fd = create(&device);
        Failure failure = FAILURE_INIT;
        int second = -77;

        assert_int_equal(tap_open_queue(&device, &second, &failure), -EBUSY);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
        assert_int_equal(second, -77);
}

/* The device that has the name now may be another's, or lack what vnicd's has. */
static void a_queue_of_a_device_with_other_flags_is_not_kept(void **state) {
        const TapDevice made = { .name = "vnic00000001", .multiqueue = true };
        const TapDevice wanted = { .name = "vnic00000001", .multiqueue = true, .vnet_hdr = true };
        _cleanup_close_ int fd = create(&made);
        Failure failure = FAILURE_INIT;
        int second = -77;

        assert_int_equal(tap_open_queue(&wanted, &second, &failure), -EXDEV);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
        assert_int_equal(second, -77);
        assert_true(world_link_says("vnic00000001", "numqueues 1 "));
}

static void the_two_hundred_and_fifty_seventh_queue_is_the_limit(void **state) {
        const TapDevice device = { .name = "vnic00000001", .multiqueue = true };
        Failure failure = FAILURE_INIT;
        int fds[257], n = 0, r = 0;

        fds[n++] = create(&device);
        while (n < 257 && r >= 0) {
                r = tap_open_queue(&device, &fds[n], &failure);
                n += r >= 0;
        }
        assert_int_equal(n, 256);
        assert_int_equal(r, -E2BIG);
        assert_int_equal(failure.kind, FAILURE_QUEUE_LIMIT);
        while (n > 0)
                close(fds[--n]);
}

static void a_queue_of_no_name_is_none(void **state) {
        const TapDevice nameless = { .name = "", .multiqueue = true };
        int fd = -77;

        assert_true(tap_open_queue(&nameless, &fd, NULL) < 0);
        assert_int_equal(fd, -77);
        assert_int_equal(world_count_links(), 1);
}

/* TUNSETIFF creates a device of any name that does not exist. */
static void a_queue_of_a_tap_that_is_gone_is_none_and_makes_no_device(void **state) {
        const TapDevice device = { .name = "vnic00000001", .vnet_hdr = true, .multiqueue = true };
        Failure failure = FAILURE_INIT;
        int fd = -77;

        close(create(&device));
        assert_true(world_loses_link("vnic00000001"));
        assert_int_equal(tap_open_queue(&device, &fd, &failure), -ESTALE);
        assert_int_equal(failure.kind, FAILURE_STALE);
        assert_int_equal(fd, -77);
        assert_int_equal(world_count_links(), 1);
}

static void with_an_escort_it_is_the_same_and_leaves_no_fd(void **state) {
        const TapDevice device = {
                .name = "vnic00000001", .multiqueue = true, .race_lost = true, .vnet_hdr = true
        };

        for (int i = 0; i < 20; i++) {
                _cleanup_close_ int fd = create(&device);

                assert_int_equal(
                                flags_of(fd), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
                assert_string_equal(world_read("cat /sys/class/net/vnic00000001/owner"), "0");
                close_fd(TAKE_FD(fd));
                assert_true(world_loses_link("vnic00000001"));
        }
}

/* It waits for the device before that exists, and nobody reports when it does. */
static void an_escort_gives_the_device_to_root_by_itself(void **state) {
        struct ifreq request = { .ifr_name = "vnic00000001",
                .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_TUN_EXCL };
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        const char *owner = "";
        OwnerRaceGuard escort;

        assert_true(fd >= 0);
        owner_race_guard_begin(&escort, fd);
        assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
        for (int i = 0; i < 100 && strcmp(owner, "0") != 0; i++)
                owner = world_read("cat /sys/class/net/vnic00000001/owner");
        owner_race_guard_end(&escort);
        assert_string_equal(owner, "0");
}

static void an_escort_of_what_cannot_be_made_ends(void **state) {
        const TapDevice device = { .name = "lo", .race_lost = true };
        int fd = -1;

        assert_true(tap_create(&device, &fd, NULL) < 0);
        assert_int_equal(fd, -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(
                                it_has_the_flags_that_were_asked_for_and_no_others, world_enter),
                cmocka_unit_test_setup(with_an_escort_it_is_the_same_and_leaves_no_fd, world_enter),
                cmocka_unit_test_setup(an_escort_gives_the_device_to_root_by_itself, world_enter),
                cmocka_unit_test_setup(an_escort_of_what_cannot_be_made_ends, world_enter),
                cmocka_unit_test_setup(its_queue_does_not_block_and_is_not_inherited, world_enter),
                cmocka_unit_test_setup(
                                it_belongs_to_root_is_down_and_does_not_persist, world_enter),
                cmocka_unit_test_setup(its_header_has_the_size_that_was_asked_for, world_enter),
                cmocka_unit_test_setup(without_a_size_the_header_has_the_kernels_ten, world_enter),
                cmocka_unit_test_setup(a_name_that_is_taken_is_never_attached_to, world_enter),
                cmocka_unit_test_setup(
                                the_persistent_tap_of_a_user_is_not_attached_to, world_enter),
                cmocka_unit_test_setup(a_name_of_another_kind_of_link_is_taken_too, world_enter),
                cmocka_unit_test_setup(an_alternative_name_is_taken_too, world_enter),
                cmocka_unit_test_setup(a_template_is_not_filled_in, world_enter),
                cmocka_unit_test_setup(a_further_queue_is_one_more_of_the_same, world_enter),
                cmocka_unit_test_setup(
                                a_further_queue_of_a_single_queue_tap_is_refused, world_enter),
                cmocka_unit_test_setup(
                                a_queue_of_a_device_with_other_flags_is_not_kept, world_enter),
                cmocka_unit_test_setup(
                                the_two_hundred_and_fifty_seventh_queue_is_the_limit, world_enter),
                cmocka_unit_test_setup(a_queue_of_no_name_is_none, world_enter),
                cmocka_unit_test_setup(a_queue_of_a_tap_that_is_gone_is_none_and_makes_no_device,
                                world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
