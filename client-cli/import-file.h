/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that is imported, and who can read it: QEMU's bridge helper reads as the user who calls it,
 * so a file speaks only to those who can.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define IMPORT_FILE_MAX ((size_t)1024 * 1024) /* bytes */

typedef struct ImportReaders {
        bool unclear; /* others can, while its owner or group cannot; the rest is not valid */
        bool everyone;
        bool user, group; /* apart from root */
        uid_t uid;
        gid_t gid;
} ImportReaders;

/* A plain file. *ret: its bytes. -EFBIG: more than IMPORT_FILE_MAX. -EINVAL: no plain file. -ENOMEM.
 * Others: of open(2) and read(2). */
int import_file_read(const char *path, char **ret, size_t *ret_size, ImportReaders *ret_readers);
