/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* The rest of an open file as a text of its own, ended by a zero byte that does not count. -EFBIG:
 * it has more than max bytes. -ENOMEM, -errno of read(2). */
int read_text(int fd, size_t max, char **ret, size_t *ret_size);
