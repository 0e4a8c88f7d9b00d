/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls a fuzz target with each file of the given folder, so that former findings are tested again,
 * even with a compiler that has no libFuzzer. Prints TAP.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuzz.h"

static int is_visible(const struct dirent *entry) {
        return entry->d_name[0] != '.';
}

static bool read_exactly(int fd, uint8_t *data, size_t size) {
        size_t n = 0;

        while (n < size) {
                ssize_t r = read(fd, data + n, size - n);

                if (r <= 0)
                        return false;
                n += (size_t)r;
        }
        return true;
}

/* malloc, so that nothing follows the last byte. */
static bool replay(int folder, const char *name) {
        _cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ uint8_t *data = NULL;
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return false;
        data = malloc((size_t)status.st_size);
        if ((!data && status.st_size > 0) || !read_exactly(fd, data, (size_t)status.st_size))
                return false;
        return LLVMFuzzerTestOneInput(data, (size_t)status.st_size) == 0;
}

int main(int argc, char *argv[]) {
        _cleanup_close_ int folder = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -EBADF;
        struct dirent **entries;
        int n, failed = 0;

        n = folder < 0 ? -1 : scandirat(folder, ".", &entries, is_visible, alphasort);
        if (n <= 0) {
                fprintf(stderr, "Usage: %s FOLDER, with files in it\n", argv[0]);
                return 1;
        }
        for (int i = 0; i < n; i++) {
                bool good = replay(folder, entries[i]->d_name);

                printf("%sok %d - %s\n", good ? "" : "not ", i + 1, entries[i]->d_name);
                fflush(stdout); /* the next one may abort the program */
                failed += !good;
                free(entries[i]);
        }
        free(entries);
        printf("1..%d\n", n);
        return failed > 0;
}
