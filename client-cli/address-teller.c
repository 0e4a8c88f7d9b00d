/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "address-teller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "connection.h"
#include "language.h"
#include "placeholders.h"
#include "text.h"

#define FIRST_FD 3

typedef struct Teller {
        NewTap *const *taps;
        size_t n, left;
        bool told[PLACEHOLDERS_TAPS_MAX];
        sd_bus *bus;
} Teller;

/* A guest gives itself such an address before it has any by which others reach it. */
static bool is_link_local(const char *address) {
        return strncmp(address, "fe80:", strlen("fe80:")) == 0;
}

static void tell(Teller *teller, size_t i) {
        const NewTap *tap = teller->taps[i];
        char **addresses = NULL;
        const char *first = NULL;

        if (teller->told[i] ||
                        sd_bus_get_property_strv(teller->bus, VNICD_NAME, tap->path, VNICD_ENDPOINT,
                                        "Addresses", NULL, &addresses) < 0)
                return;
        for (char **address = addresses; address && *address; address++) {
                text_clean(*address);
                if (!first && !is_link_local(*address))
                        first = *address;
        }
        if (first) {
                (void)complain(STATUS_OK, _("The address of the guest on %s is %s."),
                                tap->interface, first);
                teller->told[i] = true;
                teller->left--;
        }
        for (char **address = addresses; address && *address; address++)
                free(*address);
        free(addresses);
}

/* Anybody may send what looks like the service's signal: it only makes us ask. */
static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        *(bool *)userdata = true;
        return 0;
}

/* false: the program has ended, or the bus has. */
static bool wait_for_signal(Teller *teller, int program, const bool *heard) {
        while (!*heard) {
                struct pollfd fds[] = { { .fd = program, .events = POLLIN },
                        { .fd = sd_bus_get_fd(teller->bus), .events = POLLIN } };
                int r = sd_bus_process(teller->bus, NULL);

                if (r < 0)
                        return false;
                if (r > 0 || *heard)
                        continue;
                if ((poll(fds, 2, -1) < 0 && errno != EINTR) || fds[0].revents)
                        return false;
        }
        return true;
}

static int run(Teller *teller, int program) {
        bool heard = false;
        int r = connection_open(&teller->bus);

        for (size_t i = 0; i < teller->n && r >= 0; i++)
                r = sd_bus_match_signal(teller->bus, NULL, VNICD_NAME, teller->taps[i]->path,
                                DBUS_PROPERTIES, "PropertiesChanged", on_signal, &heard);
        if (r < 0)
                return r;
        do {
                heard = false;
                for (size_t i = 0; i < teller->n; i++)
                        tell(teller, i);
        } while (teller->left > 0 && wait_for_signal(teller, program, &heard));
        return 0;
}

/* Keeps standard error, and the fd that says when the program ends. */
static int let_go(int program) {
        const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
                        (program != FIRST_FD && dup2(program, FIRST_FD) < 0) ||
                        close_range(FIRST_FD + 1, ~0U, 0) < 0 || chdir("/") < 0)
                return -errno;
        return FIRST_FD;
}

void address_teller_start(NewTap *const *taps, size_t n) {
        Teller teller = { .taps = taps, .n = n, .left = n };
        _cleanup_close_ int program = pidfd_open(getpid(), 0);
        pid_t child;

        if (program < 0)
                return;
        child = fork();
        if (child > 0) {
                while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                        continue;
                return;
        }
        if (child < 0)
                return;
        if (fork() == 0) {
                const int end = let_go(program);

                if (end >= 0)
                        (void)run(&teller, end);
        }
        _exit(0);
}
