/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static char late[128];

void die(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        _exit(EXIT_FAILURE);
}

void die_errno(const char *what) {
        die("%s: %s", what, strerror(errno));
}

static void on_deadline(int number) {
        (void)!write(STDERR_FILENO, late, strlen(late));
        _exit(EXIT_FAILURE);
}

void set_deadline(const char *program, unsigned seconds) {
        snprintf(late, sizeof(late), "%s: not done after %u s.\n", program, seconds);
        signal(SIGALRM, on_deadline);
        signal(SIGPIPE, SIG_IGN);
        alarm(seconds);
}

void end_with_parent(void) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                die_errno("PR_SET_PDEATHSIG");
}

double now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void raise_fd_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                die_errno("the limit of open files");
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                die_errno("the limit of open files");
}

void become(const char *user) {
        const struct passwd *entry = getpwnam(user);

        if (!entry)
                die("There is no user \"%s\".", user);
        if (entry->pw_uid == 0)
                return;
        if (initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
                        setuid(entry->pw_uid) < 0)
                die_errno("setuid");
}

void series_add(Series *series, double value) {
        if (series->n == series->allocated) {
                series->allocated = series->allocated ? series->allocated * 2 : 256;
                series->values = realloc(series->values, series->allocated * sizeof(double));
                if (!series->values)
                        die("Out of memory.");
        }
        series->values[series->n++] = value;
}

void series_print(const char *name, const Series *series, bool first) {
        printf("%s\"%s\": [", first ? "" : ", ", name);
        for (size_t i = 0; i < series->n; i++)
                printf("%s%.1f", i ? "," : "", series->values[i]);
        printf("]");
}

sd_bus *bus_open(void) {
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r < 0)
                die("The bus cannot be reached: %s", strerror(-r));
        (void)sd_bus_set_method_call_timeout(bus, 20 * 1000000ULL);
        return bus;
}

sd_bus_message *create_tap_message(
                sd_bus *bus, const char *bridge, unsigned queues, bool multiqueue) {
        sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(
                        bus, &call, "org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager", "CreateTap");

        if (r >= 0)
                r = sd_bus_message_append(call, "sbba{sv}", bridge, true, multiqueue,
                                multiqueue ? 1 : 0, "queues", "u", queues);
        if (r < 0)
                die("A call of CreateTap cannot be written: %s", strerror(-r));
        return call;
}

sd_bus_message *bus_call(sd_bus *bus, sd_bus_message *call) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(bus, call, 0, &error, &reply);

        if (r < 0)
                die("%s was refused: %s", sd_bus_message_get_member(call),
                                error.message ? error.message : strerror(-r));
        return reply;
}
