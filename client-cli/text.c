/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

/*
 * A terminal obeys control characters wherever they come from, and a newline in a line reads as two
 * lines. So they are removed from everything that comes from the bus before it is printed. The
 * service and its clients agree on which characters those are.
 */

#include "common/printable.h"

char *text_clean(char *text) {
        return printable(text);
}
