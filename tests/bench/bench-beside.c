/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody meets who calls the service beside others: their calls in turns with empty ones to
 * another service, so that what is the bus's and the machine's is in both.
 *
 *     bench-beside idle NAME
 *     bench-beside USER SECONDS ROUNDS GRANTED ASKED NAME
 *
 * The first is that other service: it owns NAME, answers org.freedesktop.DBus.Peer.Ping and does
 * nothing else, and ends when its input ends. The second makes in each round, in an order of its
 * own:
 *
 *     kept     CreateTap on the bridge GRANTED, over a connection that stays
 *     new      the same over a new connection, whose making is not timed
 *     asked    CreateTap on the bridge ASKED, over the connection that stays
 *     empty    Ping of NAME, over the same, twice
 *
 * and closes the queues a little later. ASKED may be "-": then there is no such call. It ends after
 * so many rounds, or seconds; a call that is not answered ends after 20 s at most. Prints one line
 * of JSON: name → samples in µs, and "errors": the names of the errors of CreateTap, whose calls
 * are among the samples, with the time that they took.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum {
        KEPT,
        NEW,
        ASKED,
        EMPTY,
        CALLS,
        HOLD = 20000,      /* µs: as real consumers do, see bench-load.c */
        PAUSE = 2000,      /* µs, after each call */
        PATIENCE_MAX = 20, /* s */
        ERRORS_SIZE = 16384,
};

static const char *const names[CALLS] = { "kept", "new", "asked", "empty" };

typedef struct Beside {
        sd_bus *bus;
        const char *granted, *asked, *other;
        uint64_t patience; /* µs */
        Series series[CALLS];
        char errors[ERRORS_SIZE];
} Beside;

static void be_idle(const char *name) {
        sd_bus *bus = bus_open();
        int r = sd_bus_request_name(bus, name, 0);
        char line[8];

        if (r < 0)
                die("The name \"%s\" cannot be had: %s", name, strerror(-r));
        puts("ready");
        fflush(stdout);
        if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0)
                die_errno("stdin");
        /* Ping is answered by sd-bus itself. */
        while (read(STDIN_FILENO, line, sizeof(line)) != 0) {
                do {
                        r = sd_bus_process(bus, NULL);
                } while (r > 0);
                if (r >= 0)
                        r = sd_bus_wait(bus, 500000);
                if (r < 0 && r != -EINTR)
                        die("The bus is gone: %s", strerror(-r));
        }
}

/* The last close of a tap sleeps: not here. */
static void *close_later(void *userdata) {
        usleep(HOLD);
        close((int)(intptr_t)userdata);
        return NULL;
}

/* The queue of the reply goes when it has been held for a while. */
static void hold_queue(sd_bus_message *reply) {
        const char *path, *interface;
        pthread_t thread;
        int fd;

        if (sd_bus_message_read(reply, "os", &path, &interface) < 0 ||
                        sd_bus_message_skip(reply, "as") < 0 ||
                        sd_bus_message_enter_container(reply, 'a', "h") < 0 ||
                        sd_bus_message_read(reply, "h", &fd) <= 0)
                die("The reply of CreateTap cannot be read.");
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                die_errno("keep a queue");
        if (pthread_create(&thread, NULL, close_later, (void *)(intptr_t)fd) != 0)
                die("No thread can be started.");
        pthread_detach(thread);
}

static void note_error(Beside *beside, const sd_bus_error *error, int r) {
        size_t n = strlen(beside->errors);

        snprintf(beside->errors + n, sizeof(beside->errors) - n, "%s\"%s\"", n ? ", " : "",
                        error->name ? error->name : strerrorname_np(-r));
}

static void time_call(Beside *beside, sd_bus *bus, sd_bus_message *call, unsigned which) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        double begin = now_us();
        uint64_t patience = which == EMPTY ? PATIENCE_MAX * 1000000ULL : beside->patience;
        int r = sd_bus_call(bus, call, patience, &error, &reply);

        series_add(&beside->series[which], now_us() - begin);
        if (r < 0 && which == EMPTY)
                die("The other service does not answer: %s",
                                error.message ? error.message : strerror(-r));
        if (r < 0)
                note_error(beside, &error, r);
        else if (which != EMPTY)
                hold_queue(reply);
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        sd_bus_message_unref(call);
}

static void call_anew(Beside *beside) {
        sd_bus *bus = bus_open();
        const char *unique;

        /* Until the bus has said the name, there is no connection to be timed. */
        if (sd_bus_get_unique_name(bus, &unique) < 0)
                die("The bus does not greet a new connection.");
        time_call(beside, bus, create_tap_message(bus, beside->granted, 1, false), NEW);
        sd_bus_flush_close_unref(bus);
}

static void call_empty(Beside *beside) {
        sd_bus_message *call = NULL;

        if (sd_bus_message_new_method_call(beside->bus, &call, beside->other, "/",
                            "org.freedesktop.DBus.Peer", "Ping") < 0)
                die("A call of Ping cannot be written.");
        time_call(beside, beside->bus, call, EMPTY);
}

static void call_one(Beside *beside, unsigned which) {
        if (which == EMPTY)
                call_empty(beside);
        else if (which == NEW)
                call_anew(beside);
        else if (which == KEPT)
                time_call(beside, beside->bus,
                                create_tap_message(beside->bus, beside->granted, 1, false), KEPT);
        else if (strcmp(beside->asked, "-") != 0)
                time_call(beside, beside->bus,
                                create_tap_message(beside->bus, beside->asked, 1, false), ASKED);
}

/* The same orders in each run. */
static void run_round(Beside *beside) {
        static unsigned seed = 1;
        unsigned order[] = { KEPT, NEW, ASKED, EMPTY, EMPTY };
        const unsigned n = sizeof(order) / sizeof(*order);

        for (unsigned i = n; i-- > 1;) {
                unsigned other = (unsigned)rand_r(&seed) % (i + 1), which = order[i];

                order[i] = order[other];
                order[other] = which;
        }
        for (unsigned i = 0; i < n; i++) {
                call_one(beside, order[i]);
                usleep(PAUSE);
        }
}

static void print(const Beside *beside) {
        printf("{");
        for (unsigned i = 0; i < CALLS; i++)
                series_print(names[i], &beside->series[i], i == 0);
        printf(", \"errors\": [%s]}\n", beside->errors);
}

int main(int argc, char *argv[]) {
        static Beside beside;
        unsigned seconds;
        double end;

        end_with_parent();
        if (argc == 3 && strcmp(argv[1], "idle") == 0) {
                be_idle(argv[2]);
                return EXIT_SUCCESS;
        }
        if (argc != 7)
                die("Usage: bench-beside idle NAME | USER SECONDS ROUNDS GRANTED ASKED NAME");
        seconds = (unsigned)atoi(argv[2]);
        set_deadline("bench-beside", seconds + 5 * PATIENCE_MAX + 10);
        end = now_us() + seconds * 1e6;
        become(argv[1]);
        beside.granted = argv[4];
        beside.asked = argv[5];
        beside.other = argv[6];
        beside.patience = 1000000ULL * (seconds < PATIENCE_MAX ? seconds : PATIENCE_MAX);
        beside.bus = bus_open();
        for (int round = 0; round < atoi(argv[3]) && now_us() < end; round++)
                run_round(&beside);
        print(&beside);
        return EXIT_SUCCESS;
}
