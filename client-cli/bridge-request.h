/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What QEMU and libvirt request from a bridge helper: on a command line of their design, and, for
 * what that cannot express, in a few environment variables.
 */

#include "options.h"
#include "status.h"

typedef struct BridgeRequest {
        bool help, version; /* then the rest is not filled in */
        Options tap;        /* borrows its strings from argv and the environment */
        int socket;         /* over which to send the queue; checked to be a stream socket */
} BridgeRequest;

/* Parses "--br=NAME --fd=N [--use-vnet]" in any order, each also as two words; the last one wins. A
 * --br that is too long for an interface name, a missing --br or --fd, or anything else is
 * STATUS_FAILURE. The service is not called unless all arguments are valid. */
Status bridge_request_parse(int argc, char *argv[], BridgeRequest *ret);

/* Prints the help on options and environment. */
void bridge_request_print_help(void);
