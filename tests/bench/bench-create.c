/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long CreateTap takes beside what it cannot do without: the bare kernel calls, one empty call
 * over the bus, one question to polkit. Machines are noisy and clocks move, so all of them are
 * taken in turns, round by round in one run, and only their ratio says something.
 *
 *     bench-create BRIDGE UID ROUNDS
 *
 * Runs as root in a world of the tests; the calls to the service are made by a child with the given
 * uid. Prints one line of JSON: medians in µs and the ratio.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 10000

enum {
        LIMIT,  /* the kernel's calls for a tap on a bridge, and nothing else */
        BUS,    /* an empty call to the service */
        POLKIT, /* one CheckAuthorization about the client */
        CREATE, /* CreateTap(1) */
        WHAT_MAX,
};

static const char *const names[WHAT_MAX] = { "limit", "bus", "polkit", "create" };

static void die(const char *what, int r) {
        fprintf(stderr, "bench-create: %s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

static double now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Master, MAC, MTU and up, in one message: the least that the kernel can be told. */
static void configure_link(struct nl_sock *netlink, unsigned ifindex, unsigned bridge) {
        struct ifinfomsg header = {
                .ifi_index = (int)ifindex,
                .ifi_flags = IFF_UP,
                .ifi_change = IFF_UP,
        };
        static const uint8_t mac[6] = { 0xfe, 0x54, 0x00, 0xbe, 0x00, 0x01 };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWLINK, 0);
        int r;

        nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
        nla_put(message, IFLA_ADDRESS, sizeof(mac), mac);
        nla_put_u32(message, IFLA_MTU, 1500);
        nla_put_u32(message, IFLA_MASTER, bridge);
        r = nl_send_sync(netlink, message);
        if (r < 0) {
                fprintf(stderr, "bench-create: %s\n", nl_geterror(r));
                exit(EXIT_FAILURE);
        }
}

static double time_limit(struct nl_sock *netlink, unsigned bridge, unsigned round) {
        struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL };
        double begin = now_us(), end;
        int fd;

        snprintf(request.ifr_name, IFNAMSIZ, "bare%u", round);
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
                die("TUNSETIFF", -errno);
        configure_link(netlink, if_nametoindex(request.ifr_name), bridge);
        end = now_us();
        close(fd);
        return end - begin;
}

static double time_polkit(sd_bus *bus, const char *client) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        double begin = now_us(), end;
        int r;

        r = sd_bus_call_method(bus, "org.freedesktop.PolicyKit1",
                        "/org/freedesktop/PolicyKit1/Authority",
                        "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization", &error,
                        &reply, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", client,
                        "org.vnicd1.use-bridge", 3, "bridge", "yes0", "kind", "tap", "queues", "1",
                        0, "");
        end = now_us();
        if (r < 0)
                die(error.message ? error.message : "CheckAuthorization", r);
        sd_bus_message_unref(reply);
        return end - begin;
}

static double time_bus(sd_bus *bus) {
        double begin = now_us(), end;
        int r;

        r = sd_bus_call_method(bus, "org.vnicd1", "/org/vnicd1", "org.freedesktop.DBus.Peer",
                        "Ping", NULL, NULL, "");
        end = now_us();
        if (r < 0)
                die("Ping", r);
        return end - begin;
}

static double time_create(sd_bus *bus, const char *bridge) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        double begin = now_us(), end;
        int r;

        r = sd_bus_call_method(bus, "org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager", "CreateTap",
                        &error, &reply, "sbba{sv}", bridge, true, false, 0);
        end = now_us();
        if (r < 0)
                die(error.message ? error.message : "CreateTap", r);
        sd_bus_message_unref(reply); /* closes the queue */
        return end - begin;
}

/* The ordinary user: says its bus name, then answers each letter with a time. */
static void be_client(int commands, int answers, uid_t uid, const char *bridge) {
        const char *unique;
        sd_bus *bus = NULL;
        char command;
        int r;

        if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
                die("setuid", -errno);
        r = sd_bus_open_system(&bus);
        if (r < 0)
                die("the bus", r);
        sd_bus_get_unique_name(bus, &unique);
        dprintf(answers, "%s\n", unique);
        while (read(commands, &command, 1) == 1)
                dprintf(answers, "%f\n", command == 'b' ? time_bus(bus) : time_create(bus, bridge));
        exit(EXIT_SUCCESS);
}

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, size_t n) {
        qsort(values, n, sizeof(*values), compare);
        return values[n / 2];
}

static double ask_client(int commands, FILE *answers, char command) {
        double us = 0;

        if (write(commands, &command, 1) != 1 || fscanf(answers, "%lf", &us) != 1)
                die("the client", -EPIPE);
        return us;
}

int main(int argc, char *argv[]) {
        static double samples[WHAT_MAX][ROUNDS_MAX];
        double medians[WHAT_MAX];
        int to_client[2], from_client[2];
        struct nl_sock *netlink = nl_socket_alloc();
        unsigned bridge, rounds;
        char client[64];
        sd_bus *bus = NULL;
        FILE *answers;
        pid_t child;

        if (argc != 4) {
                fprintf(stderr, "Usage: bench-create BRIDGE UID ROUNDS\n");
                return EXIT_FAILURE;
        }
        bridge = if_nametoindex(argv[1]);
        rounds = (unsigned)atoi(argv[3]);
        if (rounds < 1 || rounds > ROUNDS_MAX)
                die("ROUNDS", -ERANGE);
        if (pipe(to_client) < 0 || pipe(from_client) < 0)
                die("pipe", -errno);
        child = fork();
        if (child == 0) {
                close(to_client[1]);
                be_client(to_client[0], from_client[1], (uid_t)atoi(argv[2]), argv[1]);
        }
        answers = fdopen(from_client[0], "r");
        if (fscanf(answers, "%63s", client) != 1 || sd_bus_open_system(&bus) < 0)
                die("the bus", -ENOTCONN);
        if (nl_connect(netlink, NETLINK_ROUTE) < 0)
                die("netlink", -errno);

        for (unsigned i = 0; i < rounds; i++) {
                samples[LIMIT][i] = time_limit(netlink, bridge, i);
                samples[BUS][i] = ask_client(to_client[1], answers, 'b');
                samples[POLKIT][i] = time_polkit(bus, client);
                samples[CREATE][i] = ask_client(to_client[1], answers, 'c');
        }
        close(to_client[1]);
        waitpid(child, NULL, 0);

        printf("{");
        for (size_t i = 0; i < WHAT_MAX; i++) {
                medians[i] = median(samples[i], rounds);
                printf("\"%s\": %.1f, ", names[i], medians[i]);
        }
        printf("\"ratio\": %.3f, \"rounds\": %u}\n",
                        medians[CREATE] / (medians[LIMIT] + medians[BUS] + medians[POLKIT]),
                        rounds);
        return EXIT_SUCCESS;
}
