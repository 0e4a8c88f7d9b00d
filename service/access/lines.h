/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is next: calls stand in one line for each user, in the order in which they came, and the
 * users take turns. A user who calls a lot waits for their own calls, and the others do not wait
 * for them. Pure.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "common/list.h"

/* More wait for no user. */
#define LINE_MAX_CALLS 512

typedef struct Lines {
        List lines; /* whose turn it is first */
} Lines;

void lines_init(Lines *lines);

/* At the end of the user's line. -EUSERS: it is full. -ENOMEM */
int lines_append(Lines *lines, uid_t uid, List *call);

bool lines_are_full(const Lines *lines, uid_t uid);

/* The first in the line of whose turn it is. NULL: nobody waits. */
List *lines_take(Lines *lines);

static inline bool lines_are_empty(const Lines *lines) {
        return list_is_empty(&lines->lines);
}
