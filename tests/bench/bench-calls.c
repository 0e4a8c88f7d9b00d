/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times things in turns, round by round, so that what makes the machine slower for a while makes
 * all of them slower: only their ratios say something. Each round has an order of its own, so that
 * none has the traces of the same other one always.
 *
 *  bench-calls SECONDS ROUNDS NAME=KIND:ARGUMENT...[:ARGUMENT] ...
 *
 *  bare:BRIDGE:QUEUES:MULTI:FLAVOUR   the kernel's calls, step by step (NAME/open...); NAME/close
 *  ping:WHO                           an empty call to the service
 *  polkit:BRIDGE                      one CheckAuthorization about the user
 *  create:WHO:BRIDGE:QUEUES:MULTI     CreateTap
 *  run:WHO:COMMAND[|CLEANUP]          a program, from start to end; CLEANUP is not timed
 *  helper:WHO:BRIDGE:PROGRAM          a bridge helper as QEMU starts it, until it has ended
 *
 * WHO is root or alice; BRIDGE may be "-". Runs as root in a world of the tests. Prints one line of
 * JSON: name → samples in µs. The first round warms up and is not counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
        TASKS_MAX = 64,
        FIELDS_MAX = 5,
        WORDS_MAX = 32,
        STEPS_FROM = 1, /* of a task's series: the total, then the steps, then the close */
        SERIES_MAX = STEPS_FROM + STEP_MAX + 1,
};

typedef struct Task {
        char *name;
        char *fields[FIELDS_MAX]; /* the kind is the first */
        Series series[SERIES_MAX];
} Task;

typedef struct Bench {
        Task tasks[TASKS_MAX];
        size_t n;
        sd_bus *bus;
        struct nl_sock *netlink;
        const char *client; /* the unique name of the user's connection */
        int to_client, from_client;
} Bench;

static bool is_kind(const Task *task, const char *kind) {
        return strcmp(task->fields[0], kind) == 0;
}

/* The last field of a command may have colons. */
static void read_task(char *text, Task *ret) {
        char *rest = strchr(text, '=');
        size_t n_fields;

        if (!rest)
                die("Not a task: \"%s\"", text);
        *rest++ = '\0';
        ret->name = text;
        n_fields = strncmp(rest, "run:", 4) == 0 ? 3 : strncmp(rest, "helper:", 7) == 0 ? 4 : 5;
        for (size_t i = 0; i < FIELDS_MAX; i++)
                ret->fields[i] = (char *)"";
        for (size_t i = 0; i < n_fields && rest; i++) {
                char *colon = i + 1 < n_fields ? strchr(rest, ':') : NULL;

                if (colon)
                        *colon++ = '\0';
                ret->fields[i] = rest;
                rest = colon;
        }
}

static const char *bridge_of(const char *field) {
        return strcmp(field, "-") == 0 ? NULL : field;
}

static void time_bare(Bench *bench, Task *task, bool keep) {
        const BareOrder order = {
                .bridge = bridge_of(task->fields[1]),
                .queues = (unsigned)atoi(task->fields[2]),
                .multiqueue = atoi(task->fields[3]),
                .flavour = flavour_from_name(task->fields[4]),
        };
        BareTap tap;
        double closing;

        if (order.queues < 1 || order.queues > BENCH_QUEUES_MAX || order.flavour == FLAVOUR_MAX)
                die("Not a tap to be made by hand: \"%s\"", task->name);
        bare_create(bench->netlink, &order, &tap);
        closing = bare_close(&tap);
        if (!keep)
                return;
        series_add(&task->series[0], tap.total);
        for (size_t i = 0; i < STEP_MAX; i++)
                series_add(&task->series[STEPS_FROM + i], tap.steps[i]);
        series_add(&task->series[STEPS_FROM + STEP_MAX], closing);
}

static double time_call(sd_bus *bus, sd_bus_message *call) {
        double begin = now_us(), end;
        sd_bus_message *reply = bus_call(bus, call);

        end = now_us();
        /* It closes the queues, and the last close sleeps: it is not what is measured. Nor is it to
         * be the bus daemon that sleeps there: it lets go of the message first. */
        usleep(5000);
        sd_bus_message_unref(reply);
        sd_bus_message_unref(call);
        return end - begin;
}

static double time_ping(sd_bus *bus) {
        sd_bus_message *call = NULL;

        if (sd_bus_message_new_method_call(bus, &call, "org.vnicd1", "/org/vnicd1",
                            "org.freedesktop.DBus.Peer", "Ping") < 0)
                die("A call of Ping cannot be written.");
        return time_call(bus, call);
}

static double time_polkit(const Bench *bench, const Task *task) {
        sd_bus_message *call = NULL;

        if (sd_bus_message_new_method_call(bench->bus, &call, "org.freedesktop.PolicyKit1",
                            "/org/freedesktop/PolicyKit1/Authority",
                            "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization") < 0 ||
                        sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1,
                                        "name", "s", bench->client, "org.vnicd1.use-bridge", 3,
                                        "bridge", task->fields[1], "kind", "tap", "queues", "1", 0,
                                        "") < 0)
                die("A call of CheckAuthorization cannot be written.");
        return time_call(bench->bus, call);
}

static void split(char *text, char *words[WORDS_MAX]) {
        size_t n = 0;

        for (char *word = strtok(text, " "); word && n + 1 < WORDS_MAX; word = strtok(NULL, " "))
                words[n++] = word;
        words[n] = NULL;
}

/* What the program says is seen by people only if it fails: its standard error is ours. */
static pid_t start(const char *command) {
        extern char **environ;
        char text[1024], *words[WORDS_MAX];
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int r;

        snprintf(text, sizeof(text), "%s", command);
        split(text, words);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        r = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                die("%s cannot be started: %s", words[0], strerror(r));
        return pid;
}

static void wait_for(pid_t pid, const char *command) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        die_errno("waitpid");
        if (status != 0)
                die("\"%s\" ended with status %#x.", command, (unsigned)status);
}

static double time_run(const Task *task) {
        char command[1024], *cleanup;
        double begin, end;

        snprintf(command, sizeof(command), "%s", task->fields[2]);
        cleanup = strchr(command, '|');
        if (cleanup)
                *cleanup++ = '\0';
        begin = now_us();
        wait_for(start(command), command);
        end = now_us();
        if (cleanup)
                wait_for(start(cleanup), cleanup);
        return end - begin;
}

static int receive_fd(int socket) {
        char byte, control[CMSG_SPACE(sizeof(int))];
        struct iovec data = { &byte, 1 };
        struct msghdr message = { .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control) };
        struct cmsghdr *part;
        int fd = -1;

        if (recvmsg(socket, &message, 0) <= 0)
                return -1;
        part = CMSG_FIRSTHDR(&message);
        if (part && part->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(part), sizeof(fd));
        return fd;
}

static double time_helper(const Task *task) {
        char command[1024];
        int pair[2], fd;
        double begin, end;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
                        fcntl(pair[0], F_SETFD, FD_CLOEXEC) < 0)
                die_errno("socketpair");
        snprintf(command, sizeof(command), "%s --use-vnet --fd=%d --br=%s", task->fields[3],
                        pair[1], task->fields[2]);
        begin = now_us();
        pid = start(command);
        close(pair[1]);
        fd = receive_fd(pair[0]);
        wait_for(pid, command);
        end = now_us();
        if (fd < 0)
                die("\"%s\" gave no queue.", command);
        close(fd);
        close(pair[0]);
        return end - begin;
}

static double time_one(const Bench *bench, const Task *task) {
        if (is_kind(task, "ping"))
                return time_ping(bench->bus);
        if (is_kind(task, "polkit"))
                return time_polkit(bench, task);
        if (is_kind(task, "create"))
                return time_call(bench->bus,
                                create_tap_message(bench->bus, task->fields[2],
                                                (unsigned)atoi(task->fields[3]),
                                                atoi(task->fields[4])));
        if (is_kind(task, "run"))
                return time_run(task);
        if (is_kind(task, "helper"))
                return time_helper(task);
        die("There is no kind \"%s\".", task->fields[0]);
}

/* The ordinary user: says its bus name, then answers each number of a task with a time. */
static void be_client(Bench *bench, int commands, int answers) {
        const char *unique;
        double us;
        size_t i;

        end_with_parent();
        become("alice");
        bench->bus = bus_open();
        sd_bus_get_unique_name(bench->bus, &unique);
        if (dprintf(answers, "%-63s", unique) < 0)
                die_errno("pipe");
        while (read(commands, &i, sizeof(i)) == sizeof(i)) {
                us = time_one(bench, &bench->tasks[i]);
                if (write(answers, &us, sizeof(us)) != sizeof(us))
                        die_errno("pipe");
        }
        _exit(EXIT_SUCCESS);
}

/* A client that failed has said why. */
static double ask_client(const Bench *bench, size_t i) {
        double us;

        if (write(bench->to_client, &i, sizeof(i)) != sizeof(i) ||
                        read(bench->from_client, &us, sizeof(us)) != sizeof(us))
                die("The user's process has ended at \"%s\".", bench->tasks[i].name);
        return us;
}

static void start_client(Bench *bench) {
        static char unique[64];
        int to[2], from[2];

        if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
                die_errno("pipe");
        switch (fork()) {
        case -1:
                die_errno("fork");
        case 0:
                close(to[1]);
                close(from[0]);
                be_client(bench, to[0], from[1]);
        }
        close(to[0]);
        close(from[1]);
        bench->to_client = to[1];
        bench->from_client = from[0];
        if (read(from[0], unique, 63) != 63)
                die("The user's process has not reached the bus.");
        *strchrnul(unique, ' ') = '\0';
        bench->client = unique;
}

static void run_task(Bench *bench, size_t i, bool keep) {
        Task *task = &bench->tasks[i];
        bool user = !is_kind(task, "bare") && !is_kind(task, "polkit") &&
                        strcmp(task->fields[1], "root") != 0;
        double us;

        if (is_kind(task, "bare")) {
                time_bare(bench, task, keep);
                return;
        }
        us = user ? ask_client(bench, i) : time_one(bench, task);
        if (keep)
                series_add(&task->series[0], us);
}

/* The same orders in each run. */
static void shuffle(size_t *order, size_t n) {
        static unsigned seed = 1;

        for (size_t i = 0; i < n; i++)
                order[i] = i;
        for (size_t i = n; i-- > 1;) {
                size_t other = (size_t)rand_r(&seed) % (i + 1), task = order[i];

                order[i] = order[other];
                order[other] = task;
        }
}

static void run_round(Bench *bench, bool keep) {
        size_t order[TASKS_MAX];

        shuffle(order, bench->n);
        for (size_t i = 0; i < bench->n; i++) {
                run_task(bench, order[i], keep);
                /* What this one left to be done by others is done before the next: the service lets
                 * go of its queues 10 ms after the reply, and the last close takes some 15. */
                usleep(35000);
        }
}

static void print(const Bench *bench) {
        bool first = true;
        char name[128];

        printf("{");
        for (size_t i = 0; i < bench->n; i++) {
                const Task *task = &bench->tasks[i];

                series_print(task->name, &task->series[0], first);
                first = false;
                for (size_t k = 0; k <= STEP_MAX && task->series[STEPS_FROM].n > 0; k++) {
                        snprintf(name, sizeof(name), "%s/%s", task->name,
                                        k < STEP_MAX ? step_names[k] : "close");
                        series_print(name, &task->series[STEPS_FROM + k], false);
                }
        }
        printf("}\n");
}

int main(int argc, char *argv[]) {
        static Bench bench;
        int rounds;

        if (argc < 4 || argc - 3 > TASKS_MAX)
                die("Usage: bench-calls SECONDS ROUNDS NAME=KIND:ARGUMENTS...");
        set_deadline("bench-calls", (unsigned)atoi(argv[1]));
        rounds = atoi(argv[2]);
        for (int i = 3; i < argc; i++)
                read_task(argv[i], &bench.tasks[bench.n++]);
        start_client(&bench);
        bench.bus = bus_open();
        bench.netlink = netlink_open();
        for (int round = 0; round <= rounds; round++)
                run_round(&bench, round > 0);
        print(&bench);
        return EXIT_SUCCESS;
}
