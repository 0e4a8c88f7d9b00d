/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* Reads the rest of an open file into a new string; *ret_size does not count the terminating zero
 * byte. -EFBIG: it has more than max bytes. -ENOMEM, -errno of read(2). */
int read_text(int fd, size_t max, char **ret, size_t *ret_size);
