/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent.h"

/*
 * The authentication agent is a child that lives as long as polkit may ask. It signals that it is
 * ready by closing the write end of a pipe, as its death does as well. In a login session it yields
 * to the agent of the desktop (--fallback); polkit only looks for fallback agents in sessions, so
 * outside of one it registers as an ordinary agent, being the only one. This file knows no bus.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/cleanup.h"

#define READY_TIMEOUT_MS 5000

/* As polkit determines it: the session of the process, or else that of the user's display. */
static bool has_session(void) {
        _cleanup_free_ char *session = NULL;

        return sd_pid_get_session(0, &session) >= 0 || sd_uid_get_display(getuid(), &session) >= 0;
}

/* Runs in the child. Does not return. */
static void become_agent(pid_t parent, int notify) {
        const char *fallback = has_session() ? "--fallback" : NULL;
        char process[32], fd[16];

        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || fcntl(notify, F_SETFD, 0) < 0)
                _exit(1);
        snprintf(process, sizeof(process), "%d", (int)parent);
        snprintf(fd, sizeof(fd), "%d", notify);
        execlp("pkttyagent", "pkttyagent", "--process", process, "--notify-fd", fd, fallback,
                        (char *)NULL);
        _exit(1);
}

static void wait_until_closed(int fd) {
        struct pollfd entry = { .fd = fd };

        (void)poll(&entry, 1, READY_TIMEOUT_MS);
}

pid_t agent_start(void) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        pid_t self = getpid(), agent;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return 0;
        ours = ends[0];
        theirs = ends[1];

        agent = fork();
        if (agent < 0)
                return 0;
        if (agent == 0)
                become_agent(self, theirs);

        theirs = close_fd(theirs);
        wait_until_closed(ours);
        return agent;
}

void agent_stop(pid_t agent) {
        if (agent <= 0)
                return;
        kill(agent, SIGTERM);
        kill(agent, SIGCONT);
        while (waitpid(agent, NULL, 0) < 0 && errno == EINTR)
                ;
}
