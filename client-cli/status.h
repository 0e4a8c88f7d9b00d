/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The exit statuses of the client programs, and the one way to report errors. A function that
 * returns a Status other than STATUS_OK has already reported the error on standard error; its
 * caller only passes the status on.
 */

#include <stdio.h>

/* The exit statuses; scripts rely on the numbers. */
typedef enum Status {
        STATUS_OK = 0,
        STATUS_FAILURE = 1,
        STATUS_USAGE = 2,
        STATUS_DENIED = 3,
        STATUS_AUTH_REQUIRED = 4,
        STATUS_NOT_FOUND = 5,
        STATUS_LIMIT = 6,
        STATUS_BAD_OPTION = 7,
        STATUS_TAKEN = 8,
        STATUS_NOT_SUPPORTED = 9,
        STATUS_KERNEL = 10,
        STATUS_UNREACHABLE = 11,
        STATUS_MAX,
} Status;

/* The status for a D-Bus error name, ours or the bus's own; STATUS_FAILURE for any other. name may
 * be NULL. Never STATUS_OK. */
Status status_from_error_name(const char *name);

/* Prints the table of exit statuses for the help. */
void status_print_table(FILE *stream);

/* Prints "<program>: <sentence>" to standard error, free of control characters, and returns status,
 * for "return complain(...)". */
Status complain(Status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for an errno (either sign): "<program>: <what>: <text>.", where what is a translated
 * sentence without its full stop that begins with "Cannot". Returns STATUS_FAILURE. */
Status complain_errno(int error, const char *what);
