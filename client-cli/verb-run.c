/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl run": creates taps and becomes the program that uses them, so that they live as long as
 * that. The program inherits only the queue fds and what vnicctl itself inherited: everything else
 * is close-on-exec. If one of several taps cannot be created, those before it go when we exit.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "address-teller.h"
#include "common/cleanup.h"
#include "forwarding.h"
#include "language.h"
#include "new-tap.h"
#include "placeholders.h"
#include "verb.h"

/* As shells do. */
#define STATUS_CANNOT_RUN    ((Status)126)
#define STATUS_NO_SUCH_THING ((Status)127)

DEFINE_CLEANUP(char *, placeholders_free_vector)

/* The taps of one program. */
typedef struct Run {
        Options groups[PLACEHOLDERS_TAPS_MAX]; /* the options of each */
        NewTap *taps[PLACEHOLDERS_TAPS_MAX];
        size_t n;
        char *const *command;
} Run;

static void run_done(Run *run) {
        for (size_t i = 0; i < run->n; i++)
                new_tap_free(run->taps[i]);
}

/* --ask, --no-ask and --wait apply to all taps, wherever they are given. */
static void share_switches(Run *run) {
        bool ask = false, no_ask = false, wait = false;

        for (size_t i = 0; i < run->n; i++) {
                ask = ask || run->groups[i].ask;
                no_ask = no_ask || run->groups[i].no_ask;
                wait = wait || run->groups[i].wait;
        }
        for (size_t i = 0; i < run->n; i++) {
                run->groups[i].ask = ask;
                run->groups[i].no_ask = no_ask;
                run->groups[i].wait = wait;
        }
}

/* Parses the options after each --and like those before the first. */
static Status read_groups(const Options *first, Run *run) {
        const Options *last = first;

        run->groups[run->n++] = *first;
        while (last->and_another) {
                Options *next = &run->groups[run->n];
                char **line = last->arguments - 1;
                Status status;

                if (run->n == PLACEHOLDERS_TAPS_MAX)
                        return complain(STATUS_USAGE, _("run: a program gets %d taps at most."),
                                        PLACEHOLDERS_TAPS_MAX);
                line[0] = (char *)"run";
                status = options_parse(OPTIONS_TAP | OPTIONS_ASK | OPTIONS_PROGRAM | OPTIONS_RUN,
                                last->n_arguments + 1, line, next);
                if (status != STATUS_OK)
                        return status;
                if (next->help || next->n_arguments == 0)
                        return complain(STATUS_USAGE,
                                        _("run: behind --and the options of another tap are missing, or the program; see vnicctl run --help."));
                run->n++;
                last = next;
        }
        run->command = last->arguments;
        share_switches(run);
        return STATUS_OK;
}

static Status complain_word(PlaceholderFault fault, const char *wrong, size_t n_taps) {
        int length = (int)strcspn(wrong, "}") + 1;

        switch (fault) {
        case PLACEHOLDERS_WHICH:
                return complain(STATUS_USAGE,
                                _("run: %.*s does not say of which of the %zu taps; write %.*s1}."),
                                length, wrong, n_taps, length - 1, wrong);
        case PLACEHOLDERS_NO_SUCH_TAP:
                return complain(STATUS_USAGE,
                                _("run: %.*s is of a tap that was not asked for; the last is %zu."),
                                length, wrong, n_taps);
        case PLACEHOLDERS_NOT_ONE_QUEUE:
                return complain(STATUS_USAGE,
                                _("run: {fd} is for a tap with exactly one queue (--queues 1); use {fds}."));
        case PLACEHOLDERS_FINE:
                break;
        }
        return STATUS_OK;
}

/* Called before anything is created. */
static Status check_arguments(const Run *run) {
        size_t queues[PLACEHOLDERS_TAPS_MAX];

        for (size_t i = 0; i < run->n; i++)
                queues[i] = options_queues(&run->groups[i]);
        for (char *const *argument = run->command; *argument; argument++) {
                const char *wrong;
                PlaceholderFault fault = placeholders_check(queues, run->n, *argument, &wrong);

                if (fault != PLACEHOLDERS_FINE)
                        return complain_word(fault, wrong, run->n);
        }
        return STATUS_OK;
}

static Status make_taps(Run *run) {
        Status status = STATUS_OK;

        for (size_t i = 0; i < run->n && status == STATUS_OK; i++)
                status = new_tap_create(&run->groups[i], &run->taps[i]);
        /* All are created by now, so their ports go through listening at the same time. */
        for (size_t i = 0; i < run->n && status == STATUS_OK && run->groups[i].wait; i++)
                status = forwarding_wait(&run->groups[i], run->taps[i]);
        return status;
}

static int keep_open_over_exec(const Run *run) {
        for (size_t tap = 0; tap < run->n; tap++)
                for (size_t i = 0; i < run->taps[tap]->queues.n; i++)
                        if (fcntl(run->taps[tap]->queues.fds[i], F_SETFD, 0) < 0)
                                return -errno;
        return 0;
}

static int fill_in(const Run *run, char ***ret) {
        Placeholders placeholders[PLACEHOLDERS_TAPS_MAX];

        for (size_t i = 0; i < run->n; i++)
                placeholders[i] = (Placeholders){
                        .fds = run->taps[i]->queues.fds,
                        .n_fds = run->taps[i]->queues.n,
                        .mac = run->taps[i]->guest_mac,
                        .ifname = run->taps[i]->interface,
                };
        return placeholders_fill_vector(placeholders, run->n, run->command, ret);
}

/* Returns only on failure. */
static Status become(char *const *command) {
        execvp(command[0], command);
        return complain(errno == ENOENT ? STATUS_NO_SUCH_THING : STATUS_CANNOT_RUN,
                        _("Cannot run '%s': %s."), command[0], strerror(errno));
}

Status verb_run(const Options *options) {
        _cleanup_(run_done) Run run = { .n = 0 };
        _cleanup_(placeholders_free_vectorp) char **command = NULL;
        Status status;
        int r;

        status = read_groups(options, &run);
        if (status == STATUS_OK)
                status = check_arguments(&run);
        if (status == STATUS_OK)
                status = make_taps(&run);
        if (status != STATUS_OK)
                return status;

        r = fill_in(&run, &command);
        if (r < 0)
                return complain_errno(r, _("Cannot fill in the arguments of the program"));
        address_teller_start(run.taps, run.n);
        r = keep_open_over_exec(&run);
        if (r < 0)
                return complain_errno(r, _("Cannot hand the queues over"));
        return become(command);
}
