/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The probe finds its answer in seven steps; here the kernel is asked about each of the 512 masks,
 * and both answers are compared.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "common/cleanup.h"
#include "kernel/offload-active.h"
#include "kernel/offload.h"
#include "kernel/tap.h"
#include "testing.h"
#include "world.h"

#define TUN_F_UFO_BIT 0x10u
#define MASKS         0x200u

static int scratch_tap(void) {
        const TapDevice device = { .name = "vnic00000001", .vnet_hdr = true };
        int fd;

        assert_int_equal(tap_create(&device, &fd, NULL), 0);
        return fd;
}

static bool takes(int fd, uint32_t mask) {
        return ioctl(fd, TUNSETOFFLOAD, (unsigned long)mask) >= 0;
}

static void the_probe_finds_what_trying_every_mask_finds(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        OffloadCapability capability;
        uint32_t every = 0;

        for (uint32_t mask = 0; mask < MASKS; mask++)
                if (takes(fd, mask))
                        every |= mask;
        offload_probe(fd, &capability);
        assert_int_equal(capability.mask, every & ~TUN_F_UFO_BIT);
}

static void what_was_found_is_taken_at_once(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        OffloadCapability capability;

        offload_probe(fd, &capability);
        assert_true(capability.mask & OFFLOAD_CSUM);
        assert_true(takes(fd, 0));
        assert_true(takes(fd, capability.mask));
}

static void ufo_is_never_found(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        OffloadCapability capability;

        offload_probe(fd, &capability);
        assert_int_equal(capability.mask & TUN_F_UFO_BIT, 0);
        assert_int_equal(capability.mask & ~(MASKS - 1), 0);
}

/* The sentences for users against the kernel, set by set, of what this kernel knows at all. */
static void the_rules_told_are_those_of_the_kernel(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        OffloadCapability capability;

        offload_probe(fd, &capability);
        for (uint32_t mask = 0; mask < MASKS; mask++)
                if ((mask & ~capability.mask) == 0 &&
                                takes(fd, mask) != (offload_broken_rule(mask) == NULL))
                        fail_msg("%#x: %s", mask,
                                        takes(fd, mask) ? "taken" : "refused by the kernel only");
}

static void what_is_set_is_what_is_on(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        Failure failure = FAILURE_INIT;

        assert_int_equal(offload_set(fd, OFFLOAD_CSUM | OFFLOAD_TSO4, &failure), 0);
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_int_equal(offload_set(fd, OFFLOAD_TSO4, &failure), -EINVAL);
        assert_int_equal(failure.kind, FAILURE_KERNEL);
}

/* What the parser says against every set that was set. */
static void the_reader_says_what_was_set(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        OffloadReader *reader;
        uint32_t active;
        int ifindex = world_ifindex("vnic00000001");

        assert_int_equal(offload_reader_open(&reader), 0);
        for (uint32_t mask = 0; mask < MASKS; mask++)
                if (!(mask & TUN_F_UFO_BIT) && takes(fd, mask)) {
                        assert_int_equal(offload_read_active(reader, ifindex, &active, NULL), 0);
                        assert_int_equal(active, mask);
                }
        assert_int_equal(offload_read_active(reader, 4711, &active, NULL), -ENODEV);
        assert_null(offload_reader_close(reader));
}

static void probing_again_finds_the_same(void **state) {
        _cleanup_close_ int fd = scratch_tap();
        OffloadCapability first, second;

        offload_probe(fd, &first);
        offload_probe(fd, &second);
        assert_int_equal(first.mask, second.mask);
        assert_int_equal(first.n_vnet_hdr_sizes, second.n_vnet_hdr_sizes);
}

static void every_size_found_is_really_set_by_the_kernel(void **state) {
        static const uint32_t sizes[] = { 10, 12, 20, 24 };
        _cleanup_close_ int fd = scratch_tap();
        OffloadCapability capability;

        offload_probe(fd, &capability);
        assert_int_equal(capability.n_vnet_hdr_sizes, ELEMENTS(sizes));
        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                int size = (int)sizes[i], got = 0;

                assert_int_equal(capability.vnet_hdr_sizes[i], sizes[i]);
                assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &size), 0);
                assert_int_equal(ioctl(fd, TUNGETVNETHDRSZ, &got), 0);
                assert_int_equal(got, size);
        }
}

static void what_is_no_tap_can_do_nothing(void **state) {
        OffloadCapability capability;

        memset(&capability, 0xee, sizeof(capability));
        offload_probe(-1, &capability);
        assert_int_equal(capability.mask, 0);
        assert_int_equal(capability.n_vnet_hdr_sizes, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(the_probe_finds_what_trying_every_mask_finds, world_enter),
                cmocka_unit_test_setup(what_was_found_is_taken_at_once, world_enter),
                cmocka_unit_test_setup(ufo_is_never_found, world_enter),
                cmocka_unit_test_setup(the_rules_told_are_those_of_the_kernel, world_enter),
                cmocka_unit_test_setup(what_is_set_is_what_is_on, world_enter),
                cmocka_unit_test_setup(the_reader_says_what_was_set, world_enter),
                cmocka_unit_test_setup(probing_again_finds_the_same, world_enter),
                cmocka_unit_test_setup(every_size_found_is_really_set_by_the_kernel, world_enter),
                cmocka_unit_test_setup(what_is_no_tap_can_do_nothing, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("offload-probe", tests, NULL, NULL);
}
