/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who calls: the uid that the bus vouches for. Nothing that a client says of itself, nothing read
 * from /proc (a process id can be somebody else's by then). A unique name is never given out again,
 * so what was learnt of one stays true.
 */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "util/failure.h"

#define CALLER_NAME_SIZE 32
#define CALLERS_KNOWN    64

typedef struct Caller {
        char name[CALLER_NAME_SIZE];
        uid_t uid;
} Caller;

typedef struct Callers {
        Caller known[CALLERS_KNOWN]; /* the oldest is overwritten */
        unsigned next;
} Callers;

/* Asks the bus about a caller not known yet. -EACCES with AccessDenied: the bus knows no such
 * caller (any more). */
int callers_uid(Callers *callers, sd_bus_message *call, uid_t *ret, Failure *failure);
