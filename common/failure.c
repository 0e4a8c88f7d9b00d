/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/printable.h"

#undef failure_set

int failure_set(Failure *failure, FailureKind kind, int error, const char *format, ...) {
        va_list args;

        if (!failure)
                return -error;

        failure->kind = kind;
        va_start(args, format);
        vsnprintf(failure->text, sizeof(failure->text), format, args);
        va_end(args);
        printable(failure->text);
        return -error;
}

int failure_kernel(Failure *failure, int error, const char *step, const char *text) {
        return failure_set(failure, FAILURE_KERNEL, error, "Cannot %s: %s.", step,
                        text && *text ? text : strerror(error));
}
