/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keeper.h"

/*
 * The queues of a deleted tap poll POLLERR, so the kernel reports its end: signals on the bus would
 * be lost if the bus were restarted. The end of standard input shows that the parent has died;
 * /dev/null and a closed stdin are at their end from the start.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "language.h"

enum {
        SLOT_SIGNALS,
        SLOT_INPUT,
        SLOT_QUEUES,
        N_SLOTS = SLOT_QUEUES + FDSET_MAX
};

int keeper_block_signals(void) {
        sigset_t signals, blocked;
        int fd;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGHUP);

        /* In a background job, read() from the terminal must fail instead of stopping us. */
        blocked = signals;
        sigaddset(&blocked, SIGTTIN);
        if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

/* A tap wakes pollers with POLLPRI (among others) both for a frame and when it is deleted, but does
 * not wake those that poll for POLLERR alone. POLLPRI itself is never reported. */
static size_t fill_slots(const FdSet *queues, int signals, struct pollfd slots[]) {
        slots[SLOT_SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
        slots[SLOT_INPUT] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
        for (size_t i = 0; i < queues->n; i++)
                slots[SLOT_QUEUES + i] = (struct pollfd){ .fd = queues->fds[i], .events = POLLPRI };
        return SLOT_QUEUES + queues->n;
}

static bool queue_is_gone(const struct pollfd slots[], size_t n) {
        for (size_t i = SLOT_QUEUES; i < n; i++)
                if (slots[i].revents & (POLLERR | POLLHUP | POLLNVAL))
                        return true;
        return false;
}

/* Discards what was typed. Returns whether the input is at its end. */
static bool input_has_ended(struct pollfd *input) {
        char buffer[4096];
        ssize_t n;

        if (input->revents == 0)
                return false;
        if (!(input->revents & POLLIN))
                return true;
        n = read(input->fd, buffer, sizeof(buffer));
        if (n >= 0)
                return n == 0;
        if (errno == EINTR || errno == EAGAIN)
                return false;
        if (errno == EIO && !(input->revents & POLLHUP)) {
                input->fd = -1; /* a terminal that we may not read now: only signals count */
                return false;
        }
        return true;
}

Status keeper_wait(const FdSet *queues, int signals, const char *interface) {
        struct pollfd slots[N_SLOTS];
        size_t n = fill_slots(queues, signals, slots);

        for (;;) {
                if (poll(slots, n, -1) < 0 && errno != EINTR)
                        return complain_errno(errno, _("Cannot wait"));
                if (queue_is_gone(slots, n))
                        return complain(STATUS_FAILURE, _("%s was removed by somebody else."),
                                        interface);
                if (slots[SLOT_SIGNALS].revents)
                        return STATUS_OK;
                if (input_has_ended(&slots[SLOT_INPUT]))
                        return complain(STATUS_OK, _("End of input: releasing %s."), interface);
        }
}
