/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Standard input, output and error of a program that was started without some of them.
 */

/* Opens /dev/null in the place of each standard fd that is closed. Else the bus or a queue would
 * take that place, and be written to. To be called first of all. */
void standard_fds_open(void);
