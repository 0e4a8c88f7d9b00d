/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps our copies of queues that were passed on, for a moment. The last close of a tap sleeps ~15
 * ms in the kernel. The bus daemon has a copy until it has released the message: if the receiver's
 * copies and ours were closed by then, because the receiver hung up or closed theirs at once, the
 * daemon would sleep, and everybody who uses the bus with it. So ours are closed last, in a thread
 * that nobody waits for. A tap whose holder closes it sooner lives until then; for all others
 * nothing changes.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/fdset.h"
#include "common/workers.h"
#include "taps/endpoint.h"

typedef struct DelayedClose DelayedClose;

/* closed() is called in the loop when some are closed that somebody waits for, before the waiter is
 * told. The workers must outlive delayed_close_stop(). -ENOMEM, -errno of sd_event_add_time(3). /
 */
int delayed_close_new(DelayedClose **ret, sd_event *event, Workers *workers,
                void (*closed)(void *userdata), void *userdata);

/* Hands what is left to the workers, which must be freed before delayed_close_free(): waiters are
 * told -ECANCELED. Takes NULL. */
void delayed_close_stop(DelayedClose *delayed_close);

/* Takes NULL. Returns NULL. */
DelayedClose *delayed_close_free(DelayedClose *delayed_close);

/* Takes over the fds of that uid's tap with that nonce, and closes them a moment later, off the
 * loop. Cannot fail: out of memory, or with too many pending, some are closed at once. */
void delayed_close_close(DelayedClose *delayed_close, uid_t uid, uint32_t nonce, FdSet *fds);

/* A tap may exist only because of its queues here, and get in the way though its holder has closed
 * it. Gives the list of waiters (RemovalWaiter.link) for the first close that is pending for that
 * uid and, if not NULL, that nonce; valid until the loop runs. NULL: none is pending, or enough
 * wait for it. */
List *delayed_close_waiters(const DelayedClose *delayed_close, uid_t uid, const uint32_t *nonce);
