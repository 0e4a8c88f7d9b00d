/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/turns.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "util/cleanup.h"
#include "util/clock.h"

DEFINE_CLEANUP(Turns, turns_free)

/* After what the bus has (SD_EVENT_PRIORITY_NORMAL), or before. */
#define LATER_PRIORITY  (SD_EVENT_PRIORITY_NORMAL + 10)
#define NOW_PRIORITY    (SD_EVENT_PRIORITY_NORMAL - 5)
#define READ_AHEAD_USEC 1000

struct Turns {
        sd_bus *bus;
        sd_event_source *source; /* enabled while somebody stands in line */
        turns_refuse_t refuse;
        Lines lines;     /* Turn.link */
        List dispatched; /* Turn.link, on their way to their handlers */
        uint64_t due;    /* µs of CLOCK_MONOTONIC: then the next turn is put off no more */
};

static void arrange(Turns *turns) {
        (void)sd_event_source_set_enabled(
                        turns->source, lines_are_empty(&turns->lines) ? SD_EVENT_OFF : SD_EVENT_ON);
}

/* Before each round, in which one message is read at most. */
static int on_round(sd_event_source *source, void *userdata) {
        const Turns *turns = userdata;

        return sd_event_source_set_priority(
                        source, clock_now_usec() >= turns->due ? NOW_PRIORITY : LATER_PRIORITY);
}

/* The bus dispatches it next: what was enqueued comes before what is to be read. */
int turns_go_first(Turns *turns, Turn *turn) {
        int r = sd_bus_message_rewind(turn->call, true);

        if (r >= 0)
                r = sd_bus_enqueue_for_read(turns->bus, turn->call);
        if (r >= 0)
                list_append(&turns->dispatched, &turn->link);
        return r;
}

static int on_turn(sd_event_source *source, void *userdata) {
        Turns *turns = userdata;
        List *first = lines_take(&turns->lines);
        int r;

        turns->due = clock_now_usec() + READ_AHEAD_USEC;
        arrange(turns);
        if (!first)
                return 0;
        r = turns_go_first(turns, container_of(first, Turn, link));
        if (r < 0)
                turns->refuse(container_of(first, Turn, link), r);
        return 0;
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
        r = sd_event_add_defer(sd_bus_get_event(bus), &turns->source, on_turn, turns);
        if (r < 0)
                return r;
        r = sd_event_source_set_prepare(turns->source, on_round);
        if (r < 0)
                return r;
        arrange(turns);
        *ret = TAKE_PTR(turns);
        return 0;
}

Turns *turns_free(Turns *turns) {
        if (!turns)
                return NULL;
        sd_event_source_disable_unref(turns->source);
        free(turns);
        return NULL;
}

bool turns_are_free(const Turns *turns) {
        struct pollfd pollfd = { .fd = sd_bus_get_fd(turns->bus), .events = POLLIN };

        return lines_are_empty(&turns->lines) && poll(&pollfd, 1, 0) == 0;
}

int turns_stand_in_line(Turns *turns, Turn *turn, uid_t uid) {
        const bool is_first = lines_are_empty(&turns->lines);
        int r = lines_append(&turns->lines, uid, &turn->link);

        if (r < 0)
                return r;
        if (is_first)
                turns->due = clock_now_usec() + READ_AHEAD_USEC;
        arrange(turns);
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
