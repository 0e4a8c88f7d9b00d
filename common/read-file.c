/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/read-file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"

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

int read_text(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *text = malloc(max + 1);
        ssize_t n;

        if (!text)
                return -ENOMEM;
        n = read_all(fd, text, max + 1); /* one more byte shows whether the file is larger */
        if (n < 0)
                return (int)n;
        if ((size_t)n > max)
                return -EFBIG;
        text[n] = '\0';
        *ret_size = (size_t)n;
        *ret = TAKE_PTR(text);
        return 0;
}
