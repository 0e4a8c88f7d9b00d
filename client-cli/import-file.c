/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/read-text.h"

static ImportReaders find_readers(const struct stat *status) {
        bool user = status->st_mode & S_IRUSR, group = status->st_mode & S_IRGRP,
             everyone = status->st_mode & S_IROTH;

        return (ImportReaders){
                .unclear = everyone && !(user && group),
                .everyone = everyone,
                .user = !everyone && user && status->st_uid != 0,
                .group = !everyone && group,
                .uid = status->st_uid,
                .gid = status->st_gid,
        };
}

int import_file_read(const char *path, char **ret, size_t *ret_size, ImportReaders *ret_readers) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat status;
        int r;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        r = read_text(fd, IMPORT_FILE_MAX, ret, ret_size);
        if (r < 0)
                return r;
        *ret_readers = find_readers(&status);
        return 0;
}
