/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libnftables, which is loaded by whoever needs it first: only networks do, and it and what it
 * needs in turn are a third of the memory of a service without any. A host without networks need
 * not have it.
 *
 * A context of libnftables keeps a copy of all that it has made, some 1 MB for each network, so
 * each run here has one of its own. It ends the process when it gets no memory or no socket:
 * whether there is a socket is tried first.
 *
 * May be called from any thread; runs come one after another.
 */

#include "common/failure.h"

/* Runs the commands. ret: what was printed, in new memory; NULL: nobody wants it. -EEXIST: "create"
 * of what there is. NotSupported (-EOPNOTSUPP): there is no libnftables, or the kernel has not what
 * the commands need. KernelError (-EIO) with the first line of what libnftables says. -ENOMEM,
 * -errno of socket(2). */
int filter_library_run(const char *commands, char **ret, Failure *failure);
