/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client under load, or its like without the service.
 *
 *  bench-load USER ROLE BRIDGE SECONDS [N]
 *
 *  honest         one CreateTap after the other; the queue is closed by a thread
 *  ping           the same with empty calls to the service
 *  bus            the same with calls to the bus daemon
 *  close          N calls of CreateTap on their way at a time; the queues are closed 20 ms later by
 *                 eight threads
 *  release        the same, but each tap is taken away by Release
 *  abuse          connects, calls CreateTap and hangs up, as fast as it can
 *  connect        the same with a call of the bus daemon: the service knows nothing of it
 *  bare           a tap made and closed by hand, one after the other
 *  bare-threads   the same, but closed by N threads
 *
 * Says "ready" and begins when it is given a line. Prints one line of JSON: cycles, seconds, and
 * for the calls of CreateTap how long each took (create, µs).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum {
        THREADS_MAX = 16,
        WAITING_MAX = 256,
        DEPTH_MAX = 64,
        HOLD = 20000, /* µs */
};

/* Closes fds, each so many µs after it was brought; whoever brings one waits while too many are
 * there. With a tap of the service there is a delay, as with real consumers: whoever closes at once
 * may do so before the bus daemon has let go of the message, and then it is the bus daemon that
 * sleeps in the last close. */
typedef struct Pool {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        int fds[WAITING_MAX]; /* a ring */
        double due[WAITING_MAX];
        size_t first, n;
        bool stop;
        double delay;
        pthread_t threads[THREADS_MAX];
        size_t n_threads;
} Pool;

typedef struct Load {
        sd_bus *bus;
        struct nl_sock *netlink;
        const char *bridge;
        double end;
        unsigned depth;
        bool release;
        size_t on_their_way, cycles;
        Series create;
        Pool pool;
} Load;

/* One CreateTap of many. */
typedef struct Flight {
        Load *load;
        double begin;
        int fd;
} Flight;

static void *workers(void *userdata) {
        Pool *pool = userdata;
        double left;
        int fd;

        pthread_mutex_lock(&pool->lock);
        for (;;) {
                while (pool->n == 0 && !pool->stop)
                        pthread_cond_wait(&pool->changed, &pool->lock);
                if (pool->n == 0)
                        break;
                fd = pool->fds[pool->first];
                left = pool->due[pool->first] - now_us();
                pool->first = (pool->first + 1) % WAITING_MAX;
                pool->n--;
                pthread_cond_broadcast(&pool->changed);
                pthread_mutex_unlock(&pool->lock);
                if (left > 0)
                        usleep((useconds_t)left);
                close(fd);
                pthread_mutex_lock(&pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

static void pool_start(Pool *pool, size_t threads, double delay) {
        pool->delay = delay;
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->changed, NULL);
        pool->n_threads = threads < THREADS_MAX ? threads : THREADS_MAX;
        for (size_t i = 0; i < pool->n_threads; i++)
                if (pthread_create(&pool->threads[i], NULL, workers, pool) != 0)
                        die("No thread can be started.");
}

static void pool_close(Pool *pool, int fd) {
        pthread_mutex_lock(&pool->lock);
        while (pool->n == WAITING_MAX)
                pthread_cond_wait(&pool->changed, &pool->lock);
        pool->fds[(pool->first + pool->n) % WAITING_MAX] = fd;
        pool->due[(pool->first + pool->n) % WAITING_MAX] = now_us() + pool->delay;
        pool->n++;
        pthread_cond_broadcast(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
}

static void pool_finish(Pool *pool) {
        pthread_mutex_lock(&pool->lock);
        pool->stop = true;
        pthread_cond_broadcast(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
        for (size_t i = 0; i < pool->n_threads; i++)
                pthread_join(pool->threads[i], NULL);
}

static void be_bare(Load *load, size_t threads) {
        const BareOrder order = { load->bridge, 1, false, FLAVOUR_PLAIN };

        load->netlink = netlink_open();
        if (threads > 0)
                pool_start(&load->pool, threads, 0);
        while (now_us() < load->end) {
                BareTap tap;

                bare_create(load->netlink, &order, &tap);
                series_add(&load->create, tap.total);
                load->cycles++;
                if (threads > 0)
                        pool_close(&load->pool, tap.fds[0]);
                else
                        bare_close(&tap);
        }
        pool_finish(&load->pool);
}

static int take_fd(sd_bus_message *reply, const char **ret_path) {
        const char *interface;
        int fd;

        if (sd_bus_message_read(reply, "os", ret_path, &interface) < 0 ||
                        sd_bus_message_skip(reply, "as") < 0 ||
                        sd_bus_message_enter_container(reply, 'a', "h") < 0 ||
                        sd_bus_message_read(reply, "h", &fd) <= 0)
                die("The reply of CreateTap cannot be read.");
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                die_errno("keep a queue");
        return fd;
}

static void be_honest(Load *load) {
        const char *path;

        load->bus = bus_open();
        pool_start(&load->pool, 16, HOLD);
        while (now_us() < load->end) {
                sd_bus_message *call = create_tap_message(load->bus, load->bridge, 1, false),
                               *reply;
                double begin = now_us();

                reply = bus_call(load->bus, call);
                series_add(&load->create, now_us() - begin);
                pool_close(&load->pool, take_fd(reply, &path));
                sd_bus_message_unref(reply);
                sd_bus_message_unref(call);
                load->cycles++;
                usleep(2000);
        }
        pool_finish(&load->pool);
}

static void be_asking(
                Load *load, const char *destination, const char *interface, const char *member) {
        load->bus = bus_open();
        while (now_us() < load->end) {
                sd_bus_message *call = NULL;
                double begin = now_us();

                if (sd_bus_message_new_method_call(load->bus, &call, destination,
                                    "/org/freedesktop/DBus", interface, member) < 0)
                        die("A call cannot be written.");
                sd_bus_message_unref(bus_call(load->bus, call));
                sd_bus_message_unref(call);
                series_add(&load->create, now_us() - begin);
                load->cycles++;
                usleep(2000);
        }
}

static void refused(sd_bus_message *reply, const char *what) {
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);

        if (refusal)
                die("%s was refused: %s", what, refusal->message);
}

static int on_released(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Flight *flight = userdata;

        refused(reply, "Release");
        close(flight->fd);
        flight->load->on_their_way--;
        flight->load->cycles++;
        free(flight);
        return 0;
}

static int on_created(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Flight *flight = userdata;
        Load *load = flight->load;
        const char *path;

        refused(reply, "CreateTap");
        series_add(&load->create, now_us() - flight->begin);
        flight->fd = take_fd(reply, &path);
        if (load->release) {
                if (sd_bus_call_method_async(load->bus, NULL, "org.vnicd1", path,
                                    "org.vnicd1.Endpoint", "Release", on_released, flight, "") < 0)
                        die("A call of Release cannot be sent.");
                return 0;
        }
        pool_close(&load->pool, flight->fd);
        load->on_their_way--;
        load->cycles++;
        free(flight);
        return 0;
}

static void take_off(Load *load) {
        sd_bus_message *call = create_tap_message(load->bus, load->bridge, 1, false);
        Flight *flight = calloc(1, sizeof(Flight));

        if (!flight)
                die("Out of memory.");
        *flight = (Flight){ .load = load, .begin = now_us() };
        if (sd_bus_call_async(load->bus, NULL, call, on_created, flight, 0) < 0)
                die("A call of CreateTap cannot be sent.");
        sd_bus_message_unref(call);
        load->on_their_way++;
}

static void be_busy(Load *load) {
        load->bus = bus_open();
        pool_start(&load->pool, 8, HOLD);
        while (now_us() < load->end || load->on_their_way > 0) {
                int r;

                while (now_us() < load->end && load->on_their_way < load->depth)
                        take_off(load);
                r = sd_bus_process(load->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(load->bus, 1000000);
                if (r < 0)
                        die("The bus is gone: %s", strerror(-r));
        }
        pool_finish(&load->pool);
}

static sd_bus_message *harmless_message(sd_bus *bus) {
        sd_bus_message *call = NULL;

        if (sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus",
                            "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId") < 0)
                die("A call cannot be written.");
        return call;
}

static void be_abusive(Load *load, bool of_service) {
        while (now_us() < load->end) {
                sd_bus *bus = bus_open();
                sd_bus_message *call = of_service ? create_tap_message(bus, load->bridge, 1, false)
                                                  : harmless_message(bus);
                uint64_t cookie;
                int r = sd_bus_send(bus, call, &cookie);

                if (r >= 0)
                        r = sd_bus_flush(bus);
                if (r < 0)
                        die("The call cannot be sent: %s", strerror(-r));
                sd_bus_message_unref(call);
                sd_bus_close(bus);
                sd_bus_unref(bus);
                load->cycles++;
        }
}

static void run(Load *load, const char *role, unsigned n) {
        load->depth = n < 1 ? 1 : n < DEPTH_MAX ? n : DEPTH_MAX;
        load->release = strcmp(role, "release") == 0;
        if (strcmp(role, "honest") == 0)
                be_honest(load);
        else if (strcmp(role, "ping") == 0)
                be_asking(load, "org.vnicd1", "org.freedesktop.DBus.Peer", "Ping");
        else if (strcmp(role, "bus") == 0)
                be_asking(load, "org.freedesktop.DBus", "org.freedesktop.DBus", "GetId");
        else if (strcmp(role, "close") == 0 || load->release)
                be_busy(load);
        else if (strcmp(role, "abuse") == 0)
                be_abusive(load, true);
        else if (strcmp(role, "connect") == 0)
                be_abusive(load, false);
        else if (strcmp(role, "bare") == 0)
                be_bare(load, 0);
        else if (strcmp(role, "bare-threads") == 0)
                be_bare(load, n);
        else
                die("There is no role \"%s\".", role);
}

int main(int argc, char *argv[]) {
        static Load load;
        double begin, seconds;
        char line[8];

        if (argc != 5 && argc != 6)
                die("Usage: bench-load USER ROLE BRIDGE SECONDS [N]");
        end_with_parent();
        seconds = atof(argv[4]);
        set_deadline("bench-load", (unsigned)seconds + 60);
        become(argv[1]);
        load.bridge = argv[3];
        puts("ready");
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
                return EXIT_FAILURE;
        begin = now_us();
        load.end = begin + seconds * 1e6;
        run(&load, argv[2], argc == 6 ? (unsigned)atoi(argv[5]) : 0);
        printf("{\"cycles\": %zu, \"seconds\": %.4f", load.cycles, (now_us() - begin) / 1e6);
        series_print("create", &load.create, false);
        puts("}");
        return EXIT_SUCCESS;
}
