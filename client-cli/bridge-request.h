/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What QEMU and libvirt ask of a bridge helper: a command line of their making, and, for what that
 * cannot say, a few variables of the environment.
 */

#include "options.h"
#include "status.h"

typedef struct BridgeRequest {
        bool help, version; /* then the rest is not filled in */
        Options tap;        /* borrows its strings from argv and the environment */
        int socket;         /* over which the queue is to be sent; checked to be a stream socket */
} BridgeRequest;

/* "--br=NAME --fd=N [--use-vnet]" in any order, each also as two words; later ones win. With --br
 * longer than a name of an interface, without --br or --fd, or with anything else, it is
 * STATUS_FAILURE. Nothing is asked of the service before all of it was right. */
Status bridge_request_parse(int argc, char *argv[], BridgeRequest *ret);

/* The lines of the help about options and environment. */
void bridge_request_print_help(void);
