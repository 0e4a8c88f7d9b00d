/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/printable.h"

void log_line(int priority, const char *format, ...) {
        char line[512];
        va_list args;

        va_start(args, format);
        vsnprintf(line, sizeof(line), format, args);
        va_end(args);

        /* What comes from outside must not forge a second line or drive a terminal. */
        printable(line);

        if (getenv("JOURNAL_STREAM"))
                fprintf(stderr, "<%d>%s\n", priority, line);
        else
                fprintf(stderr, "vnicd: %s\n", line);
}
