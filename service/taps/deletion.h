/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Deletes a link of ours, off the loop: the kernel sleeps ~15 ms in it. The thread has a socket of
 * its own and shares nothing with the loop; before it deletes, it reads the link again and compares
 * the tag, so that another link with a reused ifindex is never touched.
 */

#include <stdint.h>

#include "common/workers.h"

/* error: 0; -ENODEV: it was gone already; -ESTALE: the link has changed, and was left alone; any
 * other -errno of the kernel. Called in the loop. */
typedef void (*deletion_done_t)(int ifindex, int error, void *userdata);

/* Deletes the tap with that ifindex (0: with the nonce's name) whose tag has the nonce or, if it
 * has no tag yet, whose name has it. done may be NULL. -ENOMEM. */
int deletion_submit(Workers *workers, int ifindex, uint32_t nonce, deletion_done_t done,
                void *userdata);
