/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who calls: the uid and the groups that the bus vouches for, as they were when the caller connected.
 * Nothing that a client says of itself, nothing read from /proc (a process id can be somebody else's
 * by then). A unique name is never given out again, so what was learnt of one stays true.
 */

#include <systemd/sd-bus.h>

#include "model/config.h"
#include "util/failure.h"

#define CALLER_NAME_SIZE 32
#define CALLERS_KNOWN    64

typedef struct Caller {
        char name[CALLER_NAME_SIZE];
        uid_t uid;
        gid_t *groups; /* NULL: none, or a bus that does not tell */
        size_t n_groups;
} Caller;

typedef struct Callers {
        Caller known[CALLERS_KNOWN]; /* the oldest is overwritten */
        unsigned next;
} Callers;

void callers_done(Callers *callers);

/* Asks the bus about a caller not known yet. The groups stay ours and are good until the next other
 * caller is asked about. -EACCES with AccessDenied: the bus knows no such caller (any more), or not
 * his uid. -ENOMEM */
int callers_find(Callers *callers, sd_bus_message *call, Subject *ret, Failure *failure);
