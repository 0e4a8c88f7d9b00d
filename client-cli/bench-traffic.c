/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-traffic.h"

/*
 * Nothing here knows about taps. A child reports nothing: if it fails, no bytes arrive, and the
 * parent notices that. It is ended by SIGKILL, also when the parent dies, and at the latest by its
 * alarm.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

enum {
        PORT = 5201,
        SINK_SIZE = 1024 * 1024,
        SOURCE_SIZE = 256 * 1024,
        LIFETIME = 60, /* seconds; more than the longest measurement */
};

static bool fill_address(const char *text, struct sockaddr_in *ret) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

        if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
                return false;
        *ret = address;
        return true;
}

int traffic_listen(const char *text) {
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address;

        if (fd < 0)
                return -errno;
        if (!fill_address(text, &address))
                return -EINVAL;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static void sink(int listening_fd, TrafficCount *count) {
        _cleanup_free_ char *buffer = malloc(SINK_SIZE);
        _cleanup_close_ int fd = accept(listening_fd, NULL, NULL);
        ssize_t n;

        if (!buffer || fd < 0)
                return;
        while ((n = read(fd, buffer, SINK_SIZE)) > 0)
                atomic_fetch_add_explicit(&count->bytes, (uint64_t)n, memory_order_relaxed);
}

static void source(int fd, const char *text) {
        _cleanup_free_ char *buffer = calloc(1, SOURCE_SIZE);
        struct sockaddr_in address;

        if (!buffer || !fill_address(text, &address))
                return;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return;
        while (write(fd, buffer, SOURCE_SIZE) > 0)
                ;
}

/* Returns 0 in the child, its pid in the parent, or a negative errno. */
static pid_t fork_bound(void) {
        pid_t parent = getpid(), pid = fork();

        if (pid < 0)
                return -errno;
        if (pid > 0)
                return pid;
        /* The parent may have died before prctl() took effect. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        signal(SIGALRM, SIG_DFL);
        alarm(LIFETIME);
        return 0;
}

int traffic_start_sink(int listening_fd, TrafficCount *count, TrafficChild *ret) {
        pid_t pid = fork_bound();

        if (pid < 0)
                return pid;
        if (pid == 0) {
                sink(listening_fd, count);
                _exit(EXIT_SUCCESS);
        }
        ret->pid = pid;
        return 0;
}

int traffic_start_source(int fd, const char *address, TrafficChild *ret) {
        pid_t pid = fork_bound();

        if (pid < 0)
                return pid;
        if (pid == 0) {
                source(fd, address);
                _exit(EXIT_SUCCESS);
        }
        ret->pid = pid;
        return 0;
}

void traffic_child_stop(TrafficChild *child) {
        if (child->pid <= 0)
                return;
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        child->pid = 0;
}

TrafficCount *traffic_count_new(void) {
        void *memory = mmap(NULL, sizeof(TrafficCount), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        return memory == MAP_FAILED ? NULL : memory;
}

void traffic_count_free(TrafficCount *count) {
        if (count)
                munmap(count, sizeof(*count));
}
