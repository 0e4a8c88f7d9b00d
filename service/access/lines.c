/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lines.h"

#include <errno.h>
#include <stdlib.h>

/* It is there as long as somebody stands in it. */
typedef struct Line {
        List link; /* Lines.lines */
        List calls;
        uid_t uid;
        unsigned n;
} Line;

void lines_init(Lines *lines) {
        list_init(&lines->lines);
}

static Line *find_line(const Lines *lines, uid_t uid) {
        LIST_FOREACH(&lines->lines, node) {
                Line *line = container_of(node, Line, link);

                if (line->uid == uid)
                        return line;
        }
        return NULL;
}

bool lines_are_full(const Lines *lines, uid_t uid) {
        const Line *line = find_line(lines, uid);

        return line && line->n >= LINE_MAX_CALLS;
}

/* NULL: out of memory. */
static Line *line_of(Lines *lines, uid_t uid) {
        Line *line = find_line(lines, uid);

        if (line)
                return line;
        line = calloc(1, sizeof(Line));
        if (!line)
                return NULL;
        line->uid = uid;
        list_init(&line->calls);
        list_append(&lines->lines, &line->link);
        return line;
}

int lines_append(Lines *lines, uid_t uid, List *call) {
        Line *line = line_of(lines, uid);

        if (!line)
                return -ENOMEM;
        if (line->n >= LINE_MAX_CALLS)
                return -EUSERS;
        list_append(&line->calls, call);
        line->n++;
        return 0;
}

List *lines_take(Lines *lines) {
        Line *line;
        List *call;

        if (lines_are_empty(lines))
                return NULL;
        line = container_of(lines->lines.next, Line, link);
        call = line->calls.next;
        list_unlink(call);
        list_unlink(&line->link);
        if (--line->n > 0)
                list_append(&lines->lines, &line->link);
        else
                free(line);
        return call;
}
