/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Handles programs that are started without standard input, output or error.
 */

/* Opens /dev/null in place of each standard fd that is closed. Otherwise the bus or a queue would
 * get that number, and be written to. Call it first of all. */
void standard_fds_open(void);
