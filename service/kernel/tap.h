/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * /dev/net/tun and its ioctls, nothing else. IFF_VNET_HDR, IFF_NO_PI and IFF_MULTI_QUEUE can only
 * be set by TUNSETIFF: a tap is created with them or never has them. So the first queue is opened
 * with IFF_TUN_EXCL (never attach to what somebody else made), every further one with the same
 * flags, and TUNGETIFF reads back what the kernel really did.
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
        bool persistent;        /* when a queue is opened: the device is persistent already */
        bool race_lost;         /* somebody was quicker at the last attempt to create one */
        unsigned vnet_hdr_size; /* bytes; 0: leave the kernel's 10 */
} TapDevice;

/* Creates the device and returns its first queue, O_NONBLOCK and close-on-exec. Root owns it from
 * the start, so that nobody, its holder included, can open further queues by name. -EEXIST: the
 * name is taken; try another one. -errno of open(2) and ioctl(2). */
int tap_create(const TapDevice *device, int *ret_fd, Failure *failure);

/* Makes the tap persistent, and lets that user open it by name. */
int tap_hand_over(int fd, uid_t owner, Failure *failure);

/* Resets the tap to its state at creation, whatever its last user has left on: no offloads, that
 * header size (bytes; 0: the kernel's 10). Both belong to the device, not to the queue. */
int tap_reset(int fd, unsigned vnet_hdr_size, Failure *failure);

/* Opens one more queue of an existing device; never creates one. The first queue of an idle device
 * gives it these flags. -EBUSY: it has only one queue, and that is open. -E2BIG (with QueueLimit):
 * the kernel gives no more. -ESTALE (with Stale): it is gone. -EXDEV: the name now stands for a
 * device with other flags. -errno of open(2) and ioctl(2). */
int tap_open_queue(const TapDevice *device, int *ret_fd, Failure *failure);
