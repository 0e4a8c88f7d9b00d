/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Deleting a link of ours, off the loop: the kernel sleeps ~15 ms in it. The thread has a socket of
 * its own and shares nothing with the loop; before it deletes, it reads the link again and compares
 * the tag, so that nothing else that got the ifindex meanwhile is ever touched.
 */

#include <stdint.h>

#include "common/workers.h"

/* error: 0, or -ENODEV: it was gone already; -ESTALE: the link is not what it was, and was left
 * alone; any other -errno of the kernel. Called in the loop. */
typedef void (*deletion_done_t)(int ifindex, int error, void *userdata);

/* Deletes the tap with that ifindex (0: with the nonce's name) that has the nonce in its tag, or,
 * if it got no tag yet, its name. done may be NULL. -ENOMEM. */
int deletion_submit(Workers *workers, int ifindex, uint32_t nonce, deletion_done_t done,
                void *userdata);
