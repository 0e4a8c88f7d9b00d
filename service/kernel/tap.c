/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/cleanup.h"
#include "kernel/owner-race-guard.h"

#define TUN_NODE "/dev/net/tun"

#define KERNEL_VNET_HDR_SIZE 10

/* The ifindex of lo, in every network namespace: a new device cannot have it. */
#define IFINDEX_TAKEN 1

/* Of the flags that TUNGETIFF reports, those that were requested; it adds some of its own. */
#define FLAGS_THAT_COUNT                                                                           \
        (IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_PERSIST)

static int open_node(int *ret_fd, Failure *failure) {
        int fd = open(TUN_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
                return failure_set(failure, FAILURE_NOT_SUPPORTED, ENOENT,
                                "This host has no " TUN_NODE
                                ": load the kernel module \"tun\" and try again.");
        if (fd < 0)
                return failure_kernel(failure, errno, "open " TUN_NODE, NULL);
        *ret_fd = fd;
        return 0;
}

static short device_flags(const TapDevice *device) {
        return (short)(IFF_TAP | IFF_NO_PI | (device->vnet_hdr ? IFF_VNET_HDR : 0) |
                        (device->multiqueue ? IFF_MULTI_QUEUE : 0));
}

static short flags_to_be(const TapDevice *device) {
        return (short)(device_flags(device) | (device->persistent ? IFF_PERSIST : 0));
}

/* Attaches fd to the device of that name with these flags. */
static int attach(int fd, const TapDevice *device, int extra_flags, const char *step,
                Failure *failure) {
        struct ifreq request = { .ifr_flags = (short)(device_flags(device) | extra_flags) };

        snprintf(request.ifr_name, IFNAMSIZ, "%s", device->name);
        return ioctl(fd, TUNSETIFF, &request) < 0 ? failure_kernel(failure, errno, step, NULL) : 0;
}

/* Trusts what the kernel did, not what it was asked for. */
static int check_flags(int fd, const TapDevice *device, Failure *failure) {
        struct ifreq got = { 0 };

        if (ioctl(fd, TUNGETIFF, &got) < 0)
                return failure_kernel(failure, errno, "read the tap's flags back", NULL);
        if (strcmp(got.ifr_name, device->name) != 0 ||
                        (got.ifr_flags & FLAGS_THAT_COUNT) != flags_to_be(device))
                return failure_set(failure, FAILURE_KERNEL, EXDEV,
                                "The kernel gave a tap other than the one asked for (flags %#x instead of %#x); it was not used.",
                                (unsigned)got.ifr_flags & FLAGS_THAT_COUNT,
                                (unsigned)flags_to_be(device));
        return 0;
}

static int make(int fd, const TapDevice *device, Failure *failure) {
        OwnerRaceGuard guard;
        int r;

        if (!device->race_lost)
                return attach(fd, device, IFF_TUN_EXCL, "create the tap", failure);
        owner_race_guard_begin(&guard, fd);
        r = attach(fd, device, IFF_TUN_EXCL, "create the tap", failure);
        owner_race_guard_end(&guard);
        return r;
}

int tap_create(const TapDevice *device, int *ret_fd, Failure *failure) {
        _cleanup_close_ int fd = -EBADF;
        int size = (int)device->vnet_hdr_size;
        int r;

        r = open_node(&fd, failure);
        if (r < 0)
                return r;
        r = make(fd, device, failure);
        if (r < 0)
                return r == -EBUSY ? -EEXIST : r;
        /* Until here anybody could have opened a queue, so nothing may come between the two calls.
         */
        if (ioctl(fd, TUNSETOWNER, 0) < 0)
                return failure_kernel(failure, errno, "give the tap to root", NULL);
        r = check_flags(fd, device, failure);
        if (r < 0)
                return r;
        if (size > 0 && ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
                return failure_kernel(failure, errno, "set the size of the virtio_net_hdr", NULL);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int tap_hand_over(int fd, uid_t owner, Failure *failure) {
        if (ioctl(fd, TUNSETOWNER, (unsigned long)owner) < 0)
                return failure_kernel(failure, errno, "give the tap to its owner", NULL);
        if (ioctl(fd, TUNSETPERSIST, 1) < 0)
                return failure_kernel(failure, errno, "make the tap persistent", NULL);
        return 0;
}

int tap_reset(int fd, unsigned vnet_hdr_size, Failure *failure) {
        int size = vnet_hdr_size > 0 ? (int)vnet_hdr_size : KERNEL_VNET_HDR_SIZE;

        if (ioctl(fd, TUNSETOFFLOAD, 0) < 0)
                return failure_kernel(failure, errno, "turn the tap's offloads off", NULL);
        if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
                return failure_kernel(failure, errno, "set the size of the virtio_net_hdr", NULL);
        return 0;
}

/* TUNSETIFF creates the device if there is none of that name (any more). If it is asked for an
 * ifindex that is taken, it can only attach. */
static int forbid_creation(int fd, Failure *failure) {
        unsigned ifindex = IFINDEX_TAKEN;

        if (ioctl(fd, TUNSETIFINDEX, &ifindex) < 0)
                return failure_kernel(failure, errno, "prepare one more queue", NULL);
        return 0;
}

int tap_open_queue(const TapDevice *device, int *ret_fd, Failure *failure) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = open_node(&fd, failure);
        if (r < 0)
                return r;
        r = forbid_creation(fd, failure);
        if (r < 0)
                return r;
        r = attach(fd, device, 0, "open one more queue", failure);
        if (r >= 0)
                r = check_flags(fd, device, failure);
        if (device->multiqueue && (r == -EBUSY || r == -EBADFD))
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "The tap is being deleted, or is gone. Create another one.");
        if (r == -E2BIG)
                return failure_set(failure, FAILURE_QUEUE_LIMIT, E2BIG,
                                "The tap has all the queues that this kernel gives to a device.");
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
