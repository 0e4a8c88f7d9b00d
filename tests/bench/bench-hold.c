/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holds many taps, and times one more beside them.
 *
 *  bench-hold SECONDS PREFIX BRIDGES QUEUES
 *
 * The bridges are PREFIX0, PREFIX1... and are filled in turn. It reads commands, one a line, and
 * answers each with one line of JSON:
 *
 *  fill N       until it holds N taps of the service, some calls on their way at a time
 *  sample N     N times in turns: a tap by hand (bare), one with all that the service sets (same),
 *               and one by the service (create); each is closed again. Samples in µs
 *  close        closes all queues, with eight threads as the service's own
 *  delete       deletes all links by one message
 *  releaseall   calls ReleaseAll
 *
 * Runs as root in a world of the tests. At the end of the input all links are deleted first: the
 * last close of a tap sleeps, and ten thousand of them would take minutes.
 */
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum {
        HELD_MAX = 20000,
        DEPTH = 16,
        THREADS = 8
};

typedef struct Held {
        int fds[BENCH_QUEUES_MAX];
        char interface[16];
} Held;

typedef struct Bench {
        sd_bus *bus;
        struct nl_sock *netlink;
        const char *prefix;
        unsigned bridges, queues;
        Held *held;
        size_t n, sent, next_to_close;
        pthread_mutex_t lock;
} Bench;

static void bridge_name(const Bench *bench, size_t i, char ret[static 16]) {
        snprintf(ret, 16, "%s%u", bench->prefix, (unsigned)(i % bench->bridges));
}

static void keep(Bench *bench, sd_bus_message *reply) {
        Held *held = &bench->held[bench->n++];
        const char *path, *interface;

        if (sd_bus_message_read(reply, "os", &path, &interface) < 0 ||
                        sd_bus_message_skip(reply, "as") < 0 ||
                        sd_bus_message_enter_container(reply, 'a', "h") < 0)
                die("The reply of CreateTap cannot be read.");
        snprintf(held->interface, sizeof(held->interface), "%s", interface);
        for (unsigned i = 0; i < bench->queues; i++) {
                int fd;

                if (sd_bus_message_read(reply, "h", &fd) <= 0)
                        die("The reply of CreateTap has too few queues.");
                held->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (held->fds[i] < 0)
                        die_errno("keep a queue");
        }
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);

        if (refusal)
                die("CreateTap was refused: %s", refusal->message);
        keep(userdata, reply);
        return 0;
}

static void send_one(Bench *bench) {
        char bridge[16];
        sd_bus_message *call;

        bridge_name(bench, bench->sent++, bridge);
        call = create_tap_message(bench->bus, bridge, bench->queues, bench->queues > 1);
        if (sd_bus_call_async(bench->bus, NULL, call, on_reply, bench, 0) < 0)
                die("A call of CreateTap cannot be sent.");
        sd_bus_message_unref(call);
}

static void fill(Bench *bench, size_t wanted) {
        double begin = now_us();
        size_t before = bench->n;

        if (wanted > HELD_MAX)
                die("%u taps are the most.", HELD_MAX);
        bench->sent = bench->n;
        while (bench->n < wanted) {
                int r;

                while (bench->sent < wanted && bench->sent - bench->n < DEPTH)
                        send_one(bench);
                r = sd_bus_process(bench->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bench->bus, UINT64_MAX);
                if (r < 0)
                        die("The bus is gone: %s", strerror(-r));
        }
        printf("{\"held\": %zu, \"made\": %zu, \"us\": %.0f}\n", bench->n, bench->n - before,
                        now_us() - begin);
}

static double time_bare(Bench *bench, const char *bridge, Flavour flavour) {
        const BareOrder order = { bridge, bench->queues, bench->queues > 1, flavour };
        BareTap tap;

        bare_create(bench->netlink, &order, &tap);
        bare_close(&tap);
        return tap.total;
}

static double time_create(Bench *bench, const char *bridge) {
        sd_bus_message *call =
                        create_tap_message(bench->bus, bridge, bench->queues, bench->queues > 1);
        double begin = now_us(), end;
        sd_bus_message *reply = bus_call(bench->bus, call);

        end = now_us();
        usleep(5000); /* the bus daemon lets go of the queue first */
        sd_bus_message_unref(reply);
        sd_bus_message_unref(call);
        return end - begin;
}

static void sample(Bench *bench, size_t rounds) {
        Series bare = { 0 }, same = { 0 }, create = { 0 };
        char bridge[16];

        for (size_t i = 0; i <= rounds; i++) {
                Series ignored = { 0 };

                bridge_name(bench, bench->n + i, bridge);
                series_add(i ? &bare : &ignored, time_bare(bench, bridge, FLAVOUR_PLAIN));
                series_add(i ? &same : &ignored, time_bare(bench, bridge, FLAVOUR_SAME));
                series_add(i ? &create : &ignored, time_create(bench, bridge));
                free(ignored.values);
        }
        printf("{");
        series_print("bare", &bare, true);
        series_print("same", &same, false);
        series_print("create", &create, false);
        printf("}\n");
        free(bare.values);
        free(same.values);
        free(create.values);
}

static void *close_some(void *userdata) {
        Bench *bench = userdata;

        for (;;) {
                size_t i;

                pthread_mutex_lock(&bench->lock);
                i = bench->next_to_close++;
                pthread_mutex_unlock(&bench->lock);
                if (i >= bench->n)
                        return NULL;
                for (unsigned k = 0; k < bench->queues; k++)
                        close(bench->held[i].fds[k]);
        }
}

static void close_all(Bench *bench) {
        pthread_t threads[THREADS];

        bench->next_to_close = 0;
        for (size_t i = 0; i < THREADS; i++)
                if (pthread_create(&threads[i], NULL, close_some, bench) != 0)
                        die("No thread can be started.");
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        bench->n = bench->sent = 0;
}

static void delete_all(Bench *bench) {
        unsigned *indexes = calloc(bench->n + 1, sizeof(unsigned));

        if (!indexes)
                die("Out of memory.");
        for (size_t i = 0; i < bench->n; i++)
                indexes[i] = if_nametoindex(bench->held[i].interface);
        delete_links(bench->netlink, indexes, bench->n);
        free(indexes);
        close_all(bench);
}

static void release_all(Bench *bench) {
        sd_bus_message *call = NULL, *reply;

        if (sd_bus_message_new_method_call(bench->bus, &call, "org.vnicd1", "/org/vnicd1",
                            "org.vnicd1.Manager", "ReleaseAll") < 0)
                die("A call of ReleaseAll cannot be written.");
        reply = bus_call(bench->bus, call);
        sd_bus_message_unref(reply);
        sd_bus_message_unref(call);
}

static void timed(Bench *bench, void (*action)(Bench *)) {
        double begin = now_us();
        size_t n = bench->n;

        action(bench);
        printf("{\"taps\": %zu, \"us\": %.0f}\n", n, now_us() - begin);
}

static void obey(Bench *bench, const char *command) {
        size_t n = 0;

        if (sscanf(command, "fill %zu", &n) == 1)
                fill(bench, n);
        else if (sscanf(command, "sample %zu", &n) == 1)
                sample(bench, n);
        else if (strcmp(command, "close\n") == 0)
                timed(bench, close_all);
        else if (strcmp(command, "delete\n") == 0)
                timed(bench, delete_all);
        else if (strcmp(command, "releaseall\n") == 0) {
                timed(bench, release_all);
                close_all(bench);
        } else
                die("No such command: %s", command);
        fflush(stdout);
}

int main(int argc, char *argv[]) {
        static Bench bench = { .lock = PTHREAD_MUTEX_INITIALIZER };
        char line[64];

        if (argc != 5)
                die("Usage: bench-hold SECONDS PREFIX BRIDGES QUEUES");
        set_deadline("bench-hold", (unsigned)atoi(argv[1]));
        raise_fd_limit();
        bench.prefix = argv[2];
        bench.bridges = (unsigned)atoi(argv[3]);
        bench.queues = (unsigned)atoi(argv[4]);
        bench.held = calloc(HELD_MAX, sizeof(Held));
        if (!bench.held || bench.bridges < 1 || bench.queues < 1 || bench.queues > BENCH_QUEUES_MAX)
                die("So many taps cannot be held.");
        bench.bus = bus_open();
        bench.netlink = netlink_open();
        while (fgets(line, sizeof(line), stdin))
                obey(&bench, line);
        delete_all(&bench);
        return EXIT_SUCCESS;
}
