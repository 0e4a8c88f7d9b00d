/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/cleanup.h"

static ssize_t read_all(int fd, char *buffer, size_t size) {
        size_t n = 0;

        while (n < size) {
                ssize_t r = read(fd, buffer + n, size - n);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return -errno;
                if (r == 0)
                        break;
                n += (size_t)r;
        }
        return (ssize_t)n;
}

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
        _cleanup_free_ char *text = NULL;
        struct stat status;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        text = malloc(IMPORT_FILE_MAX + 1);
        if (!text)
                return -ENOMEM;
        n = read_all(fd, text, IMPORT_FILE_MAX + 1);
        if (n < 0)
                return (int)n;
        if ((size_t)n > IMPORT_FILE_MAX)
                return -EFBIG;
        *ret_readers = find_readers(&status);
        *ret_size = (size_t)n;
        *ret = TAKE_PTR(text);
        return 0;
}
