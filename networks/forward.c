/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vnicd-network-forward: enables IPv6 forwarding for a network of vnicd while it is up. vnicd
 * cannot do this itself: for IPv4 there is a netlink message, for IPv6 only /proc/sys, which is
 * read-only in its sandbox.
 *
 *     on NAME   switches it on, says so to systemd, and follows the routes until it is killed; what
 *               somebody else switches off is switched on again, five times in a minute
 *     off NAME  puts everything back that no other network needs
 *
 * If the kernel has force_forwarding (6.17), that is enabled for the bridge and for the devices
 * through which the host reaches what the guests may reach, and for nothing else; and the bridge
 * becomes a router interface. vnicd's filters make sure that only its networks benefit. Older
 * kernels have one switch for all devices. It makes each of them a router interface, and routers
 * ignore router advertisements: so accept_ra is first set to 2 wherever it was 1, and a laptop
 * keeps its own IPv6.
 *
 * The journal says what is to be undone, so "off" needs neither this process nor the configuration
 * of the network, both of which may be gone.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "route6.h"
#include "sysctl-journal.h"

#define CONFIGURATION "/run/vnicd/networks/%s.conf"
#define LEDGER_FOLDER "/run/vnicd-network-forward"
#define ALL           "/proc/sys/net/ipv6/conf"

#define SETTLE_SECONDS 1 /* routes change in bursts, which are handled at once */

/* If somebody changes a setting again and again, it is left to them. */
#define RESTORATIONS     5
#define RESTORED_SECONDS 60

static int print_error(int error, const char *what, const char *which) {
        fprintf(stderr, "vnicd-network-forward: cannot %s %s: %s\n", what, which,
                        strerror(error < 0 ? -error : error));
        return EXIT_FAILURE;
}

static bool name_is_plain(const char *name) {
        size_t n = strlen(name);

        return n > 0 && n < IFNAMSIZ && name[0] >= 'a' && name[0] <= 'z' &&
                        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

typedef enum Reach {
        REACH_NOTHING,  /* not of kind nat */
        REACH_INTERNET, /* but nothing on-link or private */
        REACH_ALL,
        REACH_MAX,
} Reach;

/* Reads the first line of the configuration that vnicd wrote for the service. Returns a Reach;
 * -errno of fopen(3). */
static int network_reach(const char *network) {
        char path[64], line[64], expected[64];
        Reach reach = REACH_NOTHING;
        FILE *file;

        snprintf(path, sizeof(path), CONFIGURATION, network);
        snprintf(expected, sizeof(expected), "# vnicd network %s nat", network);
        file = fopen(path, "re");
        if (!file)
                return -errno;
        if (fgets(line, sizeof(line), file) && strncmp(line, expected, strlen(expected)) == 0)
                reach = strcmp(line + strlen(expected), "\n") == 0               ? REACH_INTERNET
                                : strcmp(line + strlen(expected), " lan\n") == 0 ? REACH_ALL
                                                                                 : REACH_NOTHING;
        fclose(file);
        return reach;
}

/* Requires forwarding on each device through which the host reaches what guests may reach. */
static int need_uplinks(SysctlJournal *journal, const char *network, Reach reach) {
        char device[IFNAMSIZ] = "", before[IFNAMSIZ] = "";
        FILE *file = route6_open();
        int r = 0;

        if (!file)
                return -errno;
        while (r >= 0 && route6_next(file, reach == REACH_ALL, device)) {
                /* Routes of the same device are mostly adjacent. */
                if (strcmp(device, before) != 0)
                        r = sysctl_require(journal, network, device, "force_forwarding", 1);
                memcpy(before, device, sizeof(before));
        }
        fclose(file);
        return r;
}

/* Ports are skipped: their bridge receives the router advertisements, and there may be thousands of
 * ports. */
static bool is_port(const char *interface) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "/sys/class/net/%s/brport", interface);
        return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

/* Interfaces that accept router advertisements must go on doing so, and routers must stay routers.
 */
static int need_to_keep(SysctlJournal *journal, const char *network, const char *interface) {
        bool changed = sysctl_journal_has(journal, interface, "accept_ra");
        int forwards = setting_read(interface, "forwarding");

        if (changed ||
                        (forwards == 0 && setting_read(interface, "accept_ra") == 1 &&
                                        !is_port(interface)))
                return sysctl_require(journal, network, interface, "accept_ra", 2);
        if (sysctl_journal_has(journal, interface, "forwarding") ||
                        (forwards == 1 && !sysctl_journal_has(journal, "all", "forwarding")))
                return sysctl_require(journal, network, interface, "forwarding", AS_IT_IS);
        return 0;
}

static int need_to_keep_all(SysctlJournal *journal, const char *network) {
        struct dirent *entry;
        DIR *folder = opendir(ALL);
        int r = 0;

        if (!folder)
                return -errno;
        while (r >= 0 && (entry = readdir(folder)))
                if (entry->d_name[0] != '.' && strcmp(entry->d_name, "all") != 0 &&
                                strcmp(entry->d_name, "lo") != 0 &&
                                strcmp(entry->d_name, network) != 0)
                        r = need_to_keep(journal, network, entry->d_name);
        closedir(folder);
        return r;
}

static int need_everything(SysctlJournal *journal, const char *network) {
        int r;

        if (setting_read("all", "forwarding") == 1 &&
                        !sysctl_journal_has(journal, "all", "forwarding"))
                return 0; /* somebody else has enabled it */
        r = need_to_keep_all(journal, network);
        return r < 0 ? r : sysctl_require(journal, network, "all", "forwarding", 1);
}

/* Makes the bridge a router interface: guests drop a router whose neighbour advertisements do not
 * have the router flag (RFC 4861, 7.2.5). But when any device becomes a router interface, the
 * kernel forgets the advertised routers of all others unless their accept_ra is 2: so it is set to
 * that for the moment. */
static int become_router(const char *folder, const char *network, bool leave, bool *ret_undone) {
        SysctlJournal *journal = NULL;
        int r = sysctl_journal_open(&journal, folder);

        *ret_undone = false;
        if (r < 0)
                return r;
        journal->leaves_undone = leave;
        if (setting_read(network, "forwarding") == 0) {
                r = need_to_keep_all(journal, network);
                if (r >= 0)
                        r = sysctl_require(journal, network, network, "forwarding", 1);
                if (r >= 0)
                        r = sysctl_apply(journal, network);
        }
        *ret_undone = journal->undone;
        sysctl_journal_close(journal);
        return r;
}

static int need_single(SysctlJournal *journal, const char *network, Reach reach) {
        int r = sysctl_require(journal, network, network, "forwarding", 1);

        if (r >= 0)
                r = sysctl_require(journal, network, network, "force_forwarding", 1);
        return r < 0 ? r : need_uplinks(journal, network, reach);
}

static bool kernel_has_force_forwarding(const char *network) {
        char path[96];

        snprintf(path, sizeof(path), ALL "/%s/force_forwarding", network);
        return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0; /* by our effective ids */
}

/* Applies the settings that the network requires now; none if it reaches nothing. undone (may be
 * NULL): in: whether to leave changes made by others; out: whether there were any. */
static int apply(const char *network, Reach reach, bool *undone) {
        const char *folder = getenv("RUNTIME_DIRECTORY");
        const bool forward = reach != REACH_NOTHING;
        bool single = forward && kernel_has_force_forwarding(network);
        const bool leave = undone && *undone;
        bool undone_router = false;
        SysctlJournal *journal = NULL;
        int r = 0, settled;

        folder = folder ? folder : LEDGER_FOLDER;
        if (single)
                r = become_router(folder, network, leave, &undone_router);
        if (r >= 0)
                r = sysctl_journal_open(&journal, folder);
        if (r < 0)
                return r;
        journal->leaves_undone = leave;
        if (single)
                r = need_single(journal, network, reach);
        else if (forward)
                r = need_everything(journal, network);
        settled = r < 0 ? r : sysctl_apply(journal, network);
        if (undone)
                *undone = journal->undone || undone_router;
        sysctl_journal_close(journal);
        return settled;
}

/* Any message, even one about an overrun, means: look again; so does a time-out (-1: none). */
static void wait_for_changes(int changes, int timeout_msec) {
        struct pollfd change = { .fd = changes, .events = POLLIN };
        char message[8192];

        if (poll(&change, 1, timeout_msec) <= 0)
                return;
        (void)recv(changes, message, sizeof(message), 0);
        sleep(SETTLE_SECONDS);
        while (recv(changes, message, sizeof(message), MSG_DONTWAIT) > 0)
                ;
}

/* When a setting changed by somebody else was last restored: a ring, with the oldest at next. */
typedef struct Restorations {
        time_t at[RESTORATIONS]; /* 0: never */
        size_t next;
        bool told; /* a warning was printed that it is left alone */
} Restorations;

static time_t monotonic_seconds(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec + 1; /* never 0 */
}

static int apply_again(const char *network, Reach reach, Restorations *restorations) {
        const time_t oldest = restorations->at[restorations->next], now = monotonic_seconds();
        const bool leave = oldest > 0 && now - oldest < RESTORED_SECONDS;
        bool undone = leave;
        int r = apply(network, reach, &undone);

        if (undone && !leave) {
                restorations->at[restorations->next] = now;
                restorations->next = (restorations->next + 1) % RESTORATIONS;
        }
        if (undone && leave && !restorations->told)
                fprintf(stderr, "vnicd-network-forward: somebody changes IPv6 forwarding for %s again and again, and it is left as it is\n",
                                network);
        restorations->told = undone && leave;
        return r;
}

/* Time until a setting that was left alone may be restored again; -1: there is none. */
static int rest_msec(const Restorations *restorations) {
        const time_t rest = restorations->at[restorations->next] + RESTORED_SECONDS -
                        monotonic_seconds();

        return !restorations->told ? -1 : rest > 0 ? (int)rest * 1000 : 0;
}

static int follow(const char *network, Reach reach) {
        _cleanup_close_ int changes = route6_changes_open();
        Restorations restorations = { .next = 0 };
        int r;

        if (changes < 0)
                return print_error(changes, "follow the routes for", network);
        for (bool told = false;; told = true) {
                r = apply_again(network, reach, &restorations);
                if (r < 0)
                        return print_error(r, "switch IPv6 forwarding on for", network);
                if (!told)
                        sd_notifyf(0, "READY=1\nSTATUS=IPv6 is forwarded for %s", network);
                wait_for_changes(changes, rest_msec(&restorations));
        }
}

static int switch_on(const char *network) {
        int reach = network_reach(network);

        if (reach < 0)
                return print_error(reach, "read the configuration of the network", network);
        /* The filters drop router advertisements; the host must not accept them either. */
        (void)setting_write(network, "accept_ra", 0);
        if (reach != REACH_NOTHING)
                return follow(network, (Reach)reach);
        sd_notify(0, "READY=1\nSTATUS=Nothing is forwarded");
        return EXIT_SUCCESS;
}

static int switch_off(const char *network) {
        int r = apply(network, REACH_NOTHING, NULL);

        return r < 0 ? print_error(r, "switch IPv6 forwarding off for", network) : EXIT_SUCCESS;
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
