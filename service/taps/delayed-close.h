/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Our copies of queues that were passed on, for a moment. Whoever closes a tap last sleeps ~15 ms
 * in the kernel. The bus daemon has a copy until it has let go of the message: were the receiver's
 * and ours closed by then, since they hung up or closed theirs at once, the daemon would sleep, and
 * everybody who uses the bus with it. So ours are the last, in a thread where nobody waits. A tap
 * whose holder closes it sooner lives until then; for all others nothing changes.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/fdset.h"
#include "common/workers.h"
#include "taps/endpoint.h"

typedef struct DelayedClose DelayedClose;

/* closed(): called in the loop when some of them are closed that somebody watched, before the watch
 * is told. The workers must outlive delayed_close_stop(). -ENOMEM, -errno of sd_event_add_time(3).
 */
int delayed_close_new(DelayedClose **ret, sd_event *event, Workers *workers,
                void (*closed)(void *userdata), void *userdata);

/* What is still there goes to the workers, which must be freed before delayed_close_free(): who
 * waiters is told -ECANCELED. Takes NULL. */
void delayed_close_stop(DelayedClose *delayed_close);

/* Takes NULL. Returns NULL. */
DelayedClose *delayed_close_free(DelayedClose *delayed_close);

/* Takes the fds, of that uid's tap of that nonce, over and closes them a moment later, off the
 * loop. Cannot fail: without memory, or where too many are kept, some go at once. */
void delayed_close_close(DelayedClose *delayed_close, uid_t uid, uint32_t nonce, FdSet *fds);

/* A tap may be there only because of its queues here, and then stands in the way though its holder
 * has closed it. The waiters (RemovalWaiter.link) that are told when the first of that uid's, and
 * of that nonce's if it is not NULL, are closed; good until the loop runs on. NULL: none are here,
 * or enough wait for them. */
List *delayed_close_waiters(const DelayedClose *delayed_close, uid_t uid, const uint32_t *nonce);
