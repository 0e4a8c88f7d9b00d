/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

/*
 * A terminal obeys control characters wherever they come from, and a line that holds a newline
 * reads as two. So nothing from the bus reaches a terminal, or a file that one is fed from, with
 * any left. What counts as one is the same for the service and its client.
 */

#include "common/printable.h"

char *text_clean(char *text) {
        return printable(text);
}
