/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/turns.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "bus/read-ahead.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(Turns, turns_free)

struct Turns {
        sd_bus *bus;
        ReadAhead *next; /* scheduled while somebody stands in line */
        turns_refuse_t refuse;
        Lines lines;     /* Turn.link */
        List dispatched; /* Turn.link, on their way to their handlers */
};

/* The bus dispatches it next: what was enqueued comes before what is to be read. */
int turns_go_first(Turns *turns, Turn *turn) {
        int r = sd_bus_message_rewind(turn->call, true);

        if (r >= 0)
                r = sd_bus_enqueue_for_read(turns->bus, turn->call);
        if (r >= 0)
                list_append(&turns->dispatched, &turn->link);
        return r;
}

static void on_turn(void *userdata) {
        Turns *turns = userdata;
        List *first = lines_take(&turns->lines);
        int r;

        if (!lines_are_empty(&turns->lines))
                read_ahead_schedule(turns->next);
        if (!first)
                return;
        r = turns_go_first(turns, container_of(first, Turn, link));
        if (r < 0)
                turns->refuse(container_of(first, Turn, link), r);
}

int turns_new(Turns **ret, sd_bus *bus, turns_refuse_t refuse) {
        _cleanup_(turns_freep) Turns *turns = calloc(1, sizeof(Turns));
        int r;

        if (!turns)
                return -ENOMEM;
        turns->bus = bus;
        turns->refuse = refuse;
        lines_init(&turns->lines);
        list_init(&turns->dispatched);
        r = read_ahead_new(&turns->next, bus, on_turn, turns);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(turns);
        return 0;
}

Turns *turns_free(Turns *turns) {
        if (!turns)
                return NULL;
        read_ahead_free(turns->next);
        free(turns);
        return NULL;
}

bool turns_are_free(const Turns *turns) {
        struct pollfd pollfd = { .fd = sd_bus_get_fd(turns->bus), .events = POLLIN };

        return lines_are_empty(&turns->lines) && poll(&pollfd, 1, 0) == 0;
}

bool turns_are_refused(const Turns *turns, uid_t uid) {
        return lines_are_full(&turns->lines, uid);
}

int turns_stand_in_line(Turns *turns, Turn *turn, uid_t uid) {
        int r = lines_append(&turns->lines, uid, &turn->link);

        if (r < 0)
                return r;
        read_ahead_schedule(turns->next);
        return 0;
}

Turn *turns_end(Turns *turns, sd_bus_message *call) {
        LIST_FOREACH(&turns->dispatched, node) {
                Turn *turn = container_of(node, Turn, link);

                if (turn->call != call)
                        continue;
                list_unlink(&turn->link);
                return turn;
        }
        return NULL;
}

Turn *turns_take_back(Turns *turns) {
        List *first = lines_take(&turns->lines);

        if (!first && !list_is_empty(&turns->dispatched)) {
                first = turns->dispatched.next;
                list_unlink(first);
        }
        return first ? container_of(first, Turn, link) : NULL;
}
