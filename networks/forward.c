/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vnicd-network-forward: IPv6 forwarding for a network of vnicd, while that is up. vnicd cannot do this
 * itself: for IPv4 there is a netlink message, for IPv6 only /proc/sys, which its sandbox makes
 * read-only.
 *
 *     on NAME   switches it on, says so to systemd, and follows the routes until it is killed
 *     off NAME  puts everything back that no other network needs
 *
 * Where the kernel has force_forwarding (6.17), it is switched on for the bridge and for the devices of
 * default routes, and for nothing else; and the bridge becomes a router's. Older kernels know one switch for all devices. That makes each
 * of them a router, and routers do not listen to router advertisements: so accept_ra becomes 2 first
 * wherever it was 1, and a laptop keeps its own IPv6.
 *
 * What is to be undone is in the ledger, so "off" needs neither this process nor the configuration of
 * the network, which may be gone.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "ledger.h"
#include "util/cleanup.h"

#define CONFIGURATION "/run/vnicd/networks/%s.conf"
#define LEDGER_FOLDER "/run/vnicd-network-forward"
#define ALL           "/proc/sys/net/ipv6/conf"

#define FLAG_REJECT 0x0200 /* linux/route.h: RTF_REJECT, a route that refuses */

#define SETTLE_SECONDS 1 /* routes come in numbers; they are looked at once for all */

static int complain(int error, const char *what, const char *which) {
        fprintf(stderr, "vnicd-network-forward: cannot %s %s: %s\n", what, which,
                        strerror(error < 0 ? -error : error));
        return EXIT_FAILURE;
}

static bool name_is_plain(const char *name) {
        size_t n = strlen(name);

        return n > 0 && n < IFNAMSIZ && name[0] >= 'a' && name[0] <= 'z' &&
                        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* The first line of what vnicd wrote for the service. -errno of fopen(3). */
static int network_is_nat(const char *network) {
        char path[64], line[64], expected[64];
        FILE *file;
        bool nat;

        snprintf(path, sizeof(path), CONFIGURATION, network);
        snprintf(expected, sizeof(expected), "# vnicd network %s nat\n", network);
        file = fopen(path, "re");
        if (!file)
                return -errno;
        nat = fgets(line, sizeof(line), file) && strcmp(line, expected) == 0;
        fclose(file);
        return nat;
}

/* Fields of /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, two
 * counters, flags, device. */
static bool read_default_route(const char *line, char device[static IFNAMSIZ]) {
        static const char nowhere[] = "00000000000000000000000000000000";
        char destination[33];
        unsigned length, flags;

        return sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", destination, &length, &flags,
                               device) == 4 &&
                        strcmp(destination, nowhere) == 0 && length == 0 &&
                        !(flags & FLAG_REJECT) && strcmp(device, "lo") != 0;
}

/* For each device of a default route. */
static int need_uplinks(Ledger *ledger, const char *network) {
        FILE *file = fopen("/proc/net/ipv6_route", "re");
        char line[256], device[IFNAMSIZ];
        int r = 0;

        if (!file)
                return -errno;
        while (r >= 0 && fgets(line, sizeof(line), file))
                if (read_default_route(line, device))
                        r = ledger_need(ledger, network, device, "force_forwarding", 1);
        fclose(file);
        return r;
}

/* What comes in by the port of a bridge, that bridge listens to; and there may be thousands of them. */
static bool is_port(const char *interface) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "/sys/class/net/%s/brport", interface);
        return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

/* Those who listen to router advertisements go on doing so, and who was a router stays one. */
static int need_to_keep(Ledger *ledger, const char *network, const char *interface) {
        bool changed = ledger_has(ledger, interface, "accept_ra");
        int forwards = setting_read(interface, "forwarding");

        if (changed ||
                        (forwards == 0 && setting_read(interface, "accept_ra") == 1 &&
                                        !is_port(interface)))
                return ledger_need(ledger, network, interface, "accept_ra", 2);
        if (ledger_has(ledger, interface, "forwarding") ||
                        (forwards == 1 && !ledger_has(ledger, "all", "forwarding")))
                return ledger_need(ledger, network, interface, "forwarding", AS_IT_IS);
        return 0;
}

static int need_to_keep_all(Ledger *ledger, const char *network) {
        struct dirent *entry;
        DIR *folder = opendir(ALL);
        int r = 0;

        if (!folder)
                return -errno;
        while (r >= 0 && (entry = readdir(folder)))
                if (entry->d_name[0] != '.' && strcmp(entry->d_name, "all") != 0 &&
                                strcmp(entry->d_name, "lo") != 0 &&
                                strcmp(entry->d_name, network) != 0)
                        r = need_to_keep(ledger, network, entry->d_name);
        closedir(folder);
        return r;
}

static int need_everything(Ledger *ledger, const char *network) {
        int r;

        if (setting_read("all", "forwarding") == 1 && !ledger_has(ledger, "all", "forwarding"))
                return 0; /* somebody else wants it so */
        r = need_to_keep_all(ledger, network);
        return r < 0 ? r : ledger_need(ledger, network, "all", "forwarding", 1);
}

/* The bridge is a router's: who does not say so in its neighbour advertisements (RFC 4861, 7.2.5) is
 * struck from the guests' lists. But when any device becomes one, the kernel forgets the routers that
 * were advertised on all others where accept_ra is not 2: so it is, for that moment. */
static int become_router(const char *folder, const char *network) {
        Ledger *ledger = NULL;
        int r = ledger_open(&ledger, folder);

        if (r < 0)
                return r;
        if (setting_read(network, "forwarding") == 0) {
                r = need_to_keep_all(ledger, network);
                if (r >= 0)
                        r = ledger_need(ledger, network, network, "forwarding", 1);
                if (r >= 0)
                        r = ledger_settle(ledger, network);
        }
        ledger_close(ledger);
        return r;
}

static int need_single(Ledger *ledger, const char *network) {
        int r = ledger_need(ledger, network, network, "forwarding", 1);

        if (r >= 0)
                r = ledger_need(ledger, network, network, "force_forwarding", 1);
        return r < 0 ? r : need_uplinks(ledger, network);
}

static bool kernel_has_force_forwarding(const char *network) {
        char path[96];

        snprintf(path, sizeof(path), ALL "/%s/force_forwarding", network);
        return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0; /* by what we may now */
}

/* Brings the settings to what the network needs now; without forwarding it needs none. */
static int apply(const char *network, bool forward) {
        const char *folder = getenv("RUNTIME_DIRECTORY");
        bool single = forward && kernel_has_force_forwarding(network);
        Ledger *ledger = NULL;
        int r = 0, settled;

        folder = folder ? folder : LEDGER_FOLDER;
        if (single)
                r = become_router(folder, network);
        if (r >= 0)
                r = ledger_open(&ledger, folder);
        if (r < 0)
                return r;
        if (single)
                r = need_single(ledger, network);
        else if (forward)
                r = need_everything(ledger, network);
        settled = r < 0 ? r : ledger_settle(ledger, network);
        ledger_close(ledger);
        return settled;
}

/* Whatever comes, even "there was more than fits", means: look again. */
static void wait_for_routes(int routes) {
        char message[8192];

        (void)recv(routes, message, sizeof(message), 0);
        sleep(SETTLE_SECONDS);
        while (recv(routes, message, sizeof(message), MSG_DONTWAIT) > 0)
                ;
}

static int open_routes(void) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_ROUTE };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                fd = close_fd(fd);
        return fd;
}

static int follow(const char *network) {
        _cleanup_close_ int routes = open_routes();
        int r;

        if (routes < 0)
                return complain(errno, "follow the routes for", network);
        for (bool told = false;; told = true) {
                r = apply(network, true);
                if (r < 0)
                        return complain(r, "switch IPv6 forwarding on for", network);
                if (!told)
                        sd_notifyf(0, "READY=1\nSTATUS=IPv6 is forwarded for %s", network);
                wait_for_routes(routes);
        }
}

static int switch_on(const char *network) {
        int nat = network_is_nat(network);

        if (nat < 0)
                return complain(nat, "read the configuration of the network", network);
        /* The filters drop what advertises a router; the host would not listen either. */
        (void)setting_write(network, "accept_ra", 0);
        if (nat)
                return follow(network);
        sd_notify(0, "READY=1\nSTATUS=Nothing is forwarded");
        return EXIT_SUCCESS;
}

static int switch_off(const char *network) {
        int r = apply(network, false);

        return r < 0 ? complain(r, "switch IPv6 forwarding off for", network) : EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        if (argc == 3 && name_is_plain(argv[2])) {
                if (strcmp(argv[1], "on") == 0)
                        return switch_on(argv[2]);
                if (strcmp(argv[1], "off") == 0)
                        return switch_off(argv[2]);
        }
        fputs("Usage: vnicd-network-forward on|off NETWORK\n", stderr);
        return 2;
}
