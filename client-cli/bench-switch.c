/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-switch.h"

/*
 * A system call moves one frame, since taps have no batching; so the size of the frames decides how
 * many calls a gigabyte costs. A step is bounded, so that the caller can check the time.
 */

#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum {
        N_PORTS = 2,
        BURST = 64,
        FRAME_SIZE = 65562 + sizeof(struct virtio_net_hdr_mrg_rxbuf),
};

struct Switch {
        int fds[N_PORTS];
        uint64_t calls;
        char frame[FRAME_SIZE];
};

Switch *switch_new(int a, int b) {
        Switch *s = malloc(sizeof(*s));

        if (!s)
                return NULL;
        s->fds[0] = a;
        s->fds[1] = b;
        s->calls = 0;
        return s;
}

void switch_free(Switch *s) {
        free(s);
}

/* True if there was a frame. */
static bool move_frame(Switch *s, int from, int to) {
        ssize_t n = read(from, s->frame, sizeof(s->frame));

        s->calls++;
        if (n <= 0)
                return false;
        n = write(to, s->frame, (size_t)n);
        s->calls++;
        return true;
}

int switch_step(Switch *s, int timeout_ms) {
        struct pollfd ports[N_PORTS] = {
                { .fd = s->fds[0], .events = POLLIN },
                { .fd = s->fds[1], .events = POLLIN },
        };

        if (poll(ports, N_PORTS, timeout_ms) < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < N_PORTS; i++) {
                if (ports[i].revents & (POLLERR | POLLHUP | POLLNVAL))
                        return -EIO;
                for (int n = 0; ports[i].revents & POLLIN && n < BURST; n++)
                        if (!move_frame(s, s->fds[i], s->fds[1 - i]))
                                break;
        }
        return 0;
}

uint64_t switch_calls(const Switch *s) {
        return s->calls;
}
