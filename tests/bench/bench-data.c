/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a tap of the service carry as much as one made by hand with the same settings?
 *
 *     bench-data SECONDS BRIDGE ROUNDS SLICE QUEUES...
 *
 * TCP from the address of BRIDGE (198.51.100.1) over the bridge and the tap, through a switch in
 * this process, to a tap in a network namespace of its own (198.51.100.2): as many connections as
 * queues. In turns, for plain frames, frames with a virtio_net_hdr and with offloads, for each
 * number of queues, by hand and by the service, so many ROUNDS of SLICE seconds. Prints one line of
 * JSON: MODE-QUEUES-HOW → Mbit/s of payload, and MODE-QUEUES-HOW/calls → reads and writes of the
 * taps for 10^9 bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-space.h"
#include "bench-traffic.h"
#include "bench.h"

enum {
        MODES = 3,
        HOWS = 2,
        COUNTS_MAX = 4,
        BURST = 64,
        FRAME = 65562 + 12
};

#define SINK_ADDRESS "198.51.100.2"
#define OFFLOADS     (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

static const char *const mode_names[MODES] = { "plain", "header", "offloads" };
static const char *const how_names[HOWS] = { "hand", "service" };

typedef struct Case {
        int mode;
        unsigned queues;
        bool service;
        Series mbit, calls;
} Case;

typedef struct Wire {
        int near[BENCH_QUEUES_MAX], far[BENCH_QUEUES_MAX], sockets[BENCH_QUEUES_MAX];
        int listening;
        unsigned queues;
        uint64_t calls;
} Wire;

typedef struct Bench {
        sd_bus *bus;
        struct nl_sock *netlink;
        const char *bridge;
        double slice;
        int home; /* the network namespace of the bridge */
} Bench;

static void make_near_by_service(const Bench *bench, const Case *wanted, Wire *wire) {
        bool multiqueue = wanted->queues > 1;
        sd_bus_message *call = NULL, *reply;
        const char *path, *interface;

        if (sd_bus_message_new_method_call(bench->bus, &call, "org.vnicd1", "/org/vnicd1",
                            "org.vnicd1.Manager", "CreateTap") < 0 ||
                        sd_bus_message_append(call, "sbba{sv}", bench->bridge, wanted->mode > 0,
                                        multiqueue, multiqueue ? 1 : 0, "queues", "u",
                                        wanted->queues) < 0)
                die("A call of CreateTap cannot be written.");
        reply = bus_call(bench->bus, call);
        if (sd_bus_message_read(reply, "os", &path, &interface) < 0 ||
                        sd_bus_message_skip(reply, "as") < 0 ||
                        sd_bus_message_enter_container(reply, 'a', "h") < 0)
                die("The reply of CreateTap cannot be read.");
        for (unsigned i = 0; i < wanted->queues; i++) {
                int fd;

                if (sd_bus_message_read(reply, "h", &fd) <= 0)
                        die("The reply of CreateTap has too few queues.");
                wire->near[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        }
        sd_bus_message_unref(reply);
        sd_bus_message_unref(call);
}

static void make_near_by_hand(const Bench *bench, const Case *wanted, Wire *wire) {
        const BareOrder order = { bench->bridge, wanted->queues, wanted->queues > 1, FLAVOUR_SAME,
                wanted->mode == 0 };
        BareTap tap;

        bare_create(bench->netlink, &order, &tap);
        memcpy(wire->near, tap.fds, sizeof(wire->near));
}

/* Always the same: the near side remembers it. */
static void set_far_mac(void) {
        struct ifreq request = { .ifr_name = "far",
                .ifr_hwaddr = { 1, { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x02 } } };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCSIFHWADDR, &request) < 0)
                die_errno("the MAC of the far tap");
        close(fd);
}

/* In a network namespace of its own, with the listening socket. */
static void make_far(const Case *wanted, Wire *wire) {
        int flags = (wanted->mode > 0 ? IFF_VNET_HDR : 0) |
                        (wanted->queues > 1 ? IFF_MULTI_QUEUE : 0);

        if (bench_space_new_net() < 0)
                die_errno("a network namespace");
        for (unsigned i = 0; i < wanted->queues; i++) {
                wire->far[i] = bench_space_open_tap("far", flags, wanted->mode == 2 ? OFFLOADS : 0);
                if (wire->far[i] < 0)
                        die("The far tap cannot be made: %s", strerror(-wire->far[i]));
        }
        set_far_mac();
        if (bench_space_set_up("far", SINK_ADDRESS) < 0)
                die_errno("the address of the far tap");
        wire->listening = traffic_listen(SINK_ADDRESS);
        if (wire->listening < 0 || listen(wire->listening, BENCH_QUEUES_MAX) < 0)
                die_errno("listen");
}

static void make_wire(const Bench *bench, const Case *wanted, Wire *wire) {
        wire->queues = wanted->queues;
        if (wanted->service)
                make_near_by_service(bench, wanted, wire);
        else
                make_near_by_hand(bench, wanted, wire);
        if (ioctl(wire->near[0], TUNSETOFFLOAD, wanted->mode == 2 ? OFFLOADS : 0UL) < 0)
                die_errno("TUNSETOFFLOAD");
        for (unsigned i = 0; i < wire->queues; i++)
                wire->sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        make_far(wanted, wire);
        if (setns(bench->home, CLONE_NEWNET) < 0)
                die_errno("setns");
}

static void take_down(Wire *wire) {
        for (unsigned i = 0; i < wire->queues; i++) {
                close(wire->near[i]);
                close(wire->far[i]);
                close(wire->sockets[i]);
        }
        close(wire->listening);
}

static void move(Wire *wire, int from, int to) {
        static char frame[FRAME];

        for (int n = 0; n < BURST; n++) {
                ssize_t length = read(from, frame, sizeof(frame));

                wire->calls++;
                if (length <= 0)
                        return;
                (void)!write(to, frame, (size_t)length);
                wire->calls++;
        }
}

static void step(Wire *wire) {
        struct pollfd ports[2 * BENCH_QUEUES_MAX];

        for (unsigned i = 0; i < wire->queues; i++) {
                ports[2 * i] = (struct pollfd){ .fd = wire->near[i], .events = POLLIN };
                ports[2 * i + 1] = (struct pollfd){ .fd = wire->far[i], .events = POLLIN };
        }
        if (poll(ports, 2 * wire->queues, 10) < 0 && errno != EINTR)
                die_errno("poll");
        for (unsigned i = 0; i < 2 * wire->queues; i++) {
                if (ports[i].revents & (POLLERR | POLLHUP | POLLNVAL))
                        die("A tap has gone while it was measured.");
                if (ports[i].revents & POLLIN)
                        move(wire, ports[i].fd, ports[i ^ 1].fd);
        }
}

static void move_until(Wire *wire, double end) {
        while (now_us() < end)
                step(wire);
}

static void measure(const Bench *bench, Wire *wire, TrafficCount *count, Case *result) {
        double begin = now_us(), patience = begin + 5e6, end;
        uint64_t bytes, calls;

        while (count->bytes == 0) {
                step(wire);
                if (now_us() > patience)
                        die("No byte has come through a tap in 5 s.");
        }
        move_until(wire, now_us() + 2e5);
        bytes = count->bytes;
        calls = wire->calls;
        begin = now_us();
        move_until(wire, begin + bench->slice * 1e6);
        end = now_us();
        bytes = count->bytes - bytes;
        calls = wire->calls - calls;
        if (bytes == 0)
                die("The traffic through a tap has stopped.");
        series_add(&result->mbit, (double)bytes * 8 / (end - begin));
        series_add(&result->calls, (double)calls / ((double)bytes / 1e9));
}

static void run_case(const Bench *bench, Case *wanted) {
        TrafficChild sinks[BENCH_QUEUES_MAX] = { 0 }, sources[BENCH_QUEUES_MAX] = { 0 };
        TrafficCount *count = traffic_count_new();
        Wire wire = { 0 };

        if (!count)
                die("Out of memory.");
        make_wire(bench, wanted, &wire);
        for (unsigned i = 0; i < wire.queues; i++)
                if (traffic_start_sink(wire.listening, count, &sinks[i]) < 0 ||
                                traffic_start_source(wire.sockets[i], SINK_ADDRESS, &sources[i]) <
                                                0)
                        die_errno("fork");
        measure(bench, &wire, count, wanted);
        for (unsigned i = 0; i < wire.queues; i++) {
                traffic_child_stop(&sources[i]);
                traffic_child_stop(&sinks[i]);
        }
        take_down(&wire);
        traffic_count_free(count);
}

static void print(Case *cases, size_t n) {
        char name[64];

        printf("{");
        for (size_t i = 0; i < n; i++) {
                snprintf(name, sizeof(name), "%s-%u-%s", mode_names[cases[i].mode], cases[i].queues,
                                how_names[cases[i].service]);
                series_print(name, &cases[i].mbit, i == 0);
                strcat(name, "/calls");
                series_print(name, &cases[i].calls, false);
        }
        printf("}\n");
}

int main(int argc, char *argv[]) {
        static Case cases[MODES * HOWS * COUNTS_MAX];
        Bench bench = { 0 };
        size_t n = 0;
        int rounds;

        if (argc < 6 || argc - 5 > COUNTS_MAX)
                die("Usage: bench-data SECONDS BRIDGE ROUNDS SLICE QUEUES...");
        end_with_parent();
        set_deadline("bench-data", (unsigned)atoi(argv[1]));
        bench.bridge = argv[2];
        rounds = atoi(argv[3]);
        bench.slice = atof(argv[4]);
        for (int i = 5; i < argc; i++)
                for (int mode = 0; mode < MODES; mode++)
                        for (int how = 0; how < HOWS; how++)
                                cases[n++] = (Case){ .mode = mode,
                                        .queues = (unsigned)atoi(argv[i]),
                                        .service = how };
        bench.bus = bus_open();
        bench.netlink = netlink_open();
        bench.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        for (int round = 0; round < rounds; round++)
                for (size_t i = 0; i < n; i++)
                        /* There and back: none is always the one after another. */
                        run_case(&bench, &cases[round % 2 ? n - 1 - i : i]);
        print(cases, n);
        return EXIT_SUCCESS;
}
