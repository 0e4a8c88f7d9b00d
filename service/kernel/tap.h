/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /dev/net/tun and its ioctls, nothing else. IFF_VNET_HDR, IFF_NO_PI and IFF_MULTI_QUEUE exist only
 * at TUNSETIFF: a tap is born with them or never has them. So the first queue is opened with
 * IFF_TUN_EXCL (never attach to what somebody else made), every further one with the same flags,
 * and what the kernel really did is read back with TUNGETIFF.
 *
 * Sources: linux/if_tun.h, drivers/net/tun.c.
 */

#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/failure.h"

typedef struct TapDevice {
        char name[IFNAMSIZ];
        bool vnet_hdr;
        bool multiqueue;
        bool persistent;        /* it is already, where a queue is opened */
        bool race_lost;         /* somebody was quicker at the last attempt to make one */
        unsigned vnet_hdr_size; /* bytes; 0: leave the kernel's 10 */
} TapDevice;

/* Makes the device and gives its first queue, O_NONBLOCK and close-on-exec. Root owns it from the
 * start, so that nobody, its holder included, can open further queues by name. -EEXIST: the name is
 * taken, try another one. -errno of open(2) and ioctl(2). */
int tap_create(const TapDevice *device, int *ret_fd, Failure *failure);

/* The tap outlives its queues from now on, and that user may open it by name. */
int tap_hand_over(int fd, uid_t owner, Failure *failure);

/* As at creation, whatever its last user has left on: no offloads, that size of the header (bytes;
 * 0: the kernel's 10). Both are the device's, not the queue's. */
int tap_reset(int fd, unsigned vnet_hdr_size, Failure *failure);

/* One more queue of a device that exists; never makes one. The first of an idle one gives it these
 * flags. -EBUSY: it has but one, and that is open. -E2BIG (with QueueLimit): the
 * kernel gives no more. -ESTALE (with Stale): it is gone. -EXDEV: what the name stands for now has
 * other flags. -errno of open(2) and ioctl(2). */
int tap_open_queue(const TapDevice *device, int *ret_fd, Failure *failure);
