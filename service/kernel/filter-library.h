/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libnftables, loaded on first use: only networks need it, and with its dependencies it would be a
 * third of the memory of a service without networks. A host without networks need not have it
 * installed.
 *
 * A context of libnftables keeps a copy of everything it has created, some 1 MB for each network,
 * so each run here uses a new one. It exits the process when it gets no memory or no socket: so
 * whether a socket can be opened is tried first.
 *
 * May be called from any thread; runs are serialised.
 */

#include "common/failure.h"

/* Runs the commands. ret: what was printed, to be freed by the caller; may be NULL. -EEXIST:
 * "create" of something that exists. NotSupported (-EOPNOTSUPP): there is no libnftables, or the
 * kernel lacks what the commands need. KernelError (-EIO) with the first line of what libnftables
 * says. -ENOMEM, -errno of socket(2). */
int filter_library_run(const char *commands, char **ret, Failure *failure);
