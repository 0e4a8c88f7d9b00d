/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl run": makes a tap and becomes the program that uses it, so that the tap lives as long as
 * that. The queue fds are all that the program is given beyond what vnicctl was given: everything
 * else is close-on-exec.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "new-tap.h"
#include "placeholders.h"
#include "util/cleanup.h"
#include "verb.h"

/* As shells do. */
#define STATUS_CANNOT_RUN    ((Status)126)
#define STATUS_NO_SUCH_THING ((Status)127)

DEFINE_CLEANUP(char *, placeholders_free_vector)

/* Before anything is made. */
static Status check_arguments(const Options *options) {
        for (char *const *argument = options->arguments; *argument; argument++)
                if (placeholders_need_one_queue(*argument) && options_queues(options) != 1)
                        return complain(STATUS_USAGE,
                                        "run: {fd} is for a tap with exactly one "
                                        "queue (--queues 1); use {fds}.");
        return STATUS_OK;
}

static int keep_open_over_exec(const FdSet *fds) {
        for (size_t i = 0; i < fds->n; i++)
                if (fcntl(fds->fds[i], F_SETFD, 0) < 0)
                        return -errno;
        return 0;
}

static int fill_in(const NewTap *tap, char *const *arguments, char ***ret) {
        Placeholders placeholders = {
                .fds = tap->queues.fds,
                .n_fds = tap->queues.n,
                .mac = tap->guest_mac,
                .ifname = tap->interface,
        };

        return placeholders_fill_vector(&placeholders, arguments, ret);
}

/* Returns only if it failed. */
static Status become(char *const *command) {
        execvp(command[0], command);
        return complain(errno == ENOENT ? STATUS_NO_SUCH_THING : STATUS_CANNOT_RUN,
                        "Cannot run '%s': %s.", command[0], strerror(errno));
}

Status verb_run(const Options *options) {
        _cleanup_(new_tap_freep) NewTap *tap = NULL;
        _cleanup_(placeholders_free_vectorp) char **command = NULL;
        Status status;
        int r;

        status = check_arguments(options);
        if (status != STATUS_OK)
                return status;
        status = new_tap_create(options, &tap);
        if (status != STATUS_OK)
                return status;

        r = fill_in(tap, options->arguments, &command);
        if (r < 0)
                return complain_errno(r, "fill in the arguments of the program");
        r = keep_open_over_exec(&tap->queues);
        if (r < 0)
                return complain_errno(r, "hand the queues over");
        return become(command);
}
