/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the benchmark programs share: clocks, samples, the bare kernel calls that everything is
 * compared with, and an end for whatever goes wrong. A program says one sentence on standard error
 * and ends with status 1; nothing waits for ever, for each program has a deadline from its start.
 */

#include <netlink/socket.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define BENCH_QUEUES_MAX 16

/* A sentence, and the end. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The same for libc: what was tried, and why it failed by errno. */
void die_errno(const char *what) __attribute__((noreturn));

/* After so many seconds the program ends with a sentence, whatever it does. */
void set_deadline(const char *program, unsigned seconds);

/* Ends with its parent. To be called first in a child. */
void end_with_parent(void);

double now_us(void);

/* As many fds as root may have. */
void raise_fd_limit(void);

/* All of this process is that user from now on; "root" changes nothing. */
void become(const char *user);

/* Growing samples, in µs unless said otherwise. */
typedef struct Series {
        double *values;
        size_t n, allocated;
} Series;

void series_add(Series *series, double value);
/* "NAME": [..]  with a comma before it unless it is the first. */
void series_print(const char *name, const Series *series, bool first);

/* How a tap is made by hand. */
typedef enum Flavour {
        FLAVOUR_PLAIN,   /* master, MAC, MTU and up in one message: the least that the kernel can be
                            told */
        FLAVOUR_NOQUEUE, /* the same, after an explicit root qdisc noqueue */
        FLAVOUR_PFIFO,   /* the same, after an explicit root qdisc pfifo */
        FLAVOUR_SAME,    /* with all that the service sets: alias, no IPv6 address, port flags */
        FLAVOUR_MAX,
} Flavour;

enum {
        STEP_OPEN,
        STEP_TUNSETIFF,
        STEP_QUEUES,
        STEP_HEADER,
        STEP_QDISC,
        STEP_LINK,
        STEP_MAX,
};

extern const char *const step_names[STEP_MAX];

typedef struct BareOrder {
        const char *bridge; /* NULL: none */
        unsigned queues;
        bool multiqueue;
        Flavour flavour;
        bool no_header; /* bare frames, without a virtio_net_hdr */
} BareOrder;

typedef struct BareTap {
        int fds[BENCH_QUEUES_MAX];
        unsigned queues;
        char name[16];
        double steps[STEP_MAX], total;
} BareTap;

/* FLAVOUR_MAX: there is none of that name. */
Flavour flavour_from_name(const char *name);

struct nl_sock *netlink_open(void);
void bare_create(struct nl_sock *netlink, const BareOrder *order, BareTap *ret);
/* Gives how long it took. */
double bare_close(BareTap *tap);

/* Deletes links by one message: those of the numbers. Closing thousands of taps one by one takes
 * minutes, since each last close sleeps. */
void delete_links(struct nl_sock *netlink, const unsigned *ifindexes, size_t n);

/* The system bus, or the end. Calls on it have 20 s. */
sd_bus *bus_open(void);
/* A call of CreateTap, not yet sent. */
sd_bus_message *create_tap_message(
                sd_bus *bus, const char *bridge, unsigned queues, bool multiqueue);
/* The reply, or the end with the words of the error. */
sd_bus_message *bus_call(sd_bus *bus, sd_bus_message *call);
