/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs virsh, libvirt's own command line, on the libvirt session of the calling user. It is started
 * without a shell; the user sees what it says on standard error.
 */

#include "status.h"

/* Runs "virsh -c qemu:///session ARGUMENT..."; the arguments end with NULL. input, unless NULL, is
 * what it can read from /dev/stdin. ret, unless NULL, gets its output as a new string. what is
 * as for complain_errno(). */
Status virsh_run(const char *what, const char *const *arguments, const char *input, char **ret);
