/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virsh.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/read-file.h"
#include "language.h"

#define ARGUMENTS_MAX 4
#define OUTPUT_MAX    ((size_t)1024 * 1024)
#define NO_SUCH_THING 127 /* as a shell exits if there is no such program */

/* Runs in the child. Does not return. */
static void become_virsh(const char *const *arguments, int input, int output) {
        const char *words[4 + ARGUMENTS_MAX + 1] = { "virsh", "-q", "-c", "qemu:///session" };

        for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
                words[4 + i] = arguments[i];
        if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
                _exit(1);
        execvp(words[0], (char *const *)words);
        _exit(errno == ENOENT ? NO_SUCH_THING : 1);
}

/* A file, so that nobody has to write to a virsh that has exited. */
static int open_input(const char *input) {
        _cleanup_close_ int fd = memfd_create("virsh", MFD_CLOEXEC);
        const size_t size = input ? strlen(input) : 0;

        if (fd < 0)
                return -errno;
        if (write(fd, input, size) != (ssize_t)size)
                return errno ? -errno : -EIO;
        return TAKE_FD(fd);
}

static Status complain_virsh(const char *what, int status) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return STATUS_OK;
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SUCH_THING)
                return complain(STATUS_NOT_SUPPORTED,
                                _("%s: there is no virsh. Install it; Debian's package is libvirt-clients."),
                                what);
        return complain(STATUS_FAILURE,
                        _("%s: virsh failed. See its own message; \"virsh -c qemu:///session list\" shows whether your libvirt session works."),
                        what);
}

/* Reads its output, then waits for its end: if that was too much, it must not wait to write the
 * rest. */
static Status follow(const char *what, pid_t child, int *output, char **ret) {
        _cleanup_free_ char *text = NULL;
        Status result;
        size_t size;
        int r, status;

        r = read_text(*output, OUTPUT_MAX, &text, &size);
        *output = close_fd(*output);
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return complain_errno(errno, _("Cannot wait for virsh"));
        result = r < 0 ? complain_errno(r, _("Cannot read what virsh prints"))
                       : complain_virsh(what, status);
        if (result == STATUS_OK && ret)
                *ret = TAKE_PTR(text);
        return result;
}

Status virsh_run(const char *what, const char *const *arguments, const char *input, char **ret) {
        _cleanup_close_ int in = open_input(input), ours = -EBADF, theirs = -EBADF;
        int ends[2];
        pid_t child;

        if (in < 0)
                return complain_errno(in, _("Cannot start virsh"));
        if (pipe2(ends, O_CLOEXEC) < 0)
                return complain_errno(errno, _("Cannot start virsh"));
        ours = ends[0];
        theirs = ends[1];
        child = fork();
        if (child < 0)
                return complain_errno(errno, _("Cannot start virsh"));
        if (child == 0)
                become_virsh(arguments, in, theirs);
        theirs = close_fd(theirs);
        return follow(what, child, &ours, ret);
}
