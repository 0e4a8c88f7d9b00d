/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the files in which other programs say who may use a bridge to the words of vnicd.conf(5).
 * Each line of theirs becomes a comment and what it means here; a line that cannot be carried over
 * becomes a comment, a warning and a mark in the count. What is written is always a configuration
 * that the service takes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "import-file.h"

typedef enum ImportFormat {
        IMPORT_BRIDGE_CONF, /* QEMU's bridge helper */
        IMPORT_LXC_USERNET, /* lxc-usernet(5) */
        IMPORT_FORMAT_MAX,
} ImportFormat;

typedef struct Import {
        FILE *output, *warnings;
        unsigned n_left_out; /* lines that could not be carried over */
        void *totals;        /* tsearch(3): how many interfaces each user and group may have */
} Import;

/* -EINVAL: there is none of this name. */
int import_format_from_name(const char *name, ImportFormat *ret);

/* What the text looks like, by its first line that says something. A text without one is of any
 * format. -EINVAL: like none. -ENOMEM. */
int import_recognise(const char *text, size_t size, ImportFormat *ret);

/* Carries one file over. text has size bytes; path is what it was read from, and readers who can read
 * it. -ENOMEM. */
int import_text(Import *import, ImportFormat format, const char *path, const ImportReaders *readers,
                const char *text, size_t size);

/* Writes what can be said at the end only, and frees it. */
void import_finish(Import *import);
