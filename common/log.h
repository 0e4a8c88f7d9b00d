/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One line on standard error per event that an administrator may want to know about, with the
 * priority prefix of sd-daemon(3) if the journal is listening.
 */

#include <syslog.h>

/* Ends a message about a problem of this host. */
#define SEE_DOCTOR " (\"vnicctl doctor\" tells what helps)"

void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
