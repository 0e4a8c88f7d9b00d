/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What went wrong, as a kind and a sentence.
 *
 * An errno alone is not enough: the kernel's ENODEV while a link is being configured is not the
 * caller's "no such bridge", and only the place that fails knows what a person needs to be told. So
 * a function that refuses takes a Failure, fills it where the refusal happens and returns a
 * negative errno as every other function does; common/bus-error maps each kind to its D-Bus name.
 *
 * A Failure is a plain value: initialise it with FAILURE_INIT, pass it down, read it. Functions
 * leave it untouched on success.
 */

typedef enum FailureKind {
        FAILURE_NONE,
        /* Errors of org.vnicd1.Error.*, in the order of the D-Bus contract. */
        FAILURE_INVALID_OPTION,
        FAILURE_NO_SUCH_BRIDGE,
        FAILURE_NOT_A_BRIDGE,
        FAILURE_BRIDGE_FULL,
        FAILURE_MAC_IN_USE,
        FAILURE_NO_SUCH_ENDPOINT,
        FAILURE_NO_SUCH_NETWORK,
        FAILURE_NAME_TAKEN,
        FAILURE_ADDRESS_IN_USE,
        FAILURE_QUOTA_EXCEEDED,
        FAILURE_QUEUE_LIMIT,
        FAILURE_NOT_MULTIQUEUE,
        FAILURE_VNET_HDR_REQUIRED,
        FAILURE_OFFLOAD_UNSUPPORTED,
        FAILURE_NOT_SUPPORTED,
        FAILURE_STALE,
        FAILURE_KERNEL,
        FAILURE_INVALID_CONFIGURATION,
        /* Errors of D-Bus itself. */
        FAILURE_INVALID_ARGS,
        FAILURE_ACCESS_DENIED,
        FAILURE_INTERACTION_REQUIRED,
        FAILURE_LIMITS_EXCEEDED,
        FAILURE_UNKNOWN_OBJECT,
        FAILURE_UNKNOWN_INTERFACE,
        FAILURE_UNKNOWN_METHOD,
        FAILURE_NO_MEMORY,
        FAILURE_KIND_MAX,
} FailureKind;

typedef struct Failure {
        FailureKind kind;
        char text[320]; /* a sentence: what was asked, what failed, what to do */
} Failure;

#define FAILURE_INIT                                                                               \
        (Failure) {                                                                                \
                .kind = FAILURE_NONE                                                               \
        }

/* Fills *failure (NULL: the caller does not care) and returns -error, for "return
 * failure_set(...)". error is positive. */
int failure_set(Failure *failure, FailureKind kind, int error, const char *format, ...)
                __attribute__((format(printf, 4, 5)));

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time; this shows it that the result is negative. */
#define failure_set(failure, kind, error, ...)                                                     \
        (failure_set(failure, kind, error, __VA_ARGS__), -(error))
#endif

/* For a step that the kernel refused: "Cannot <step>: <the kernel's own text>." error is a positive
 * errno; if text is NULL, strerror(error) takes its place. ENOMEM and ENOBUFS count as
 * FAILURE_KERNEL as well. */
int failure_kernel(Failure *failure, int error, const char *step, const char *text);
