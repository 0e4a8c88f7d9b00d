/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

/*
 * A terminal obeys control characters wherever they come from, and a line that holds a newline
 * reads as two. So nothing from the bus reaches a terminal, or a file that one is fed from, with
 * any left. It knows nothing else of Unicode.
 */

#include <stddef.h>

/* How many bytes of the control character at text; 0 if it is none. */
static size_t control_length(const unsigned char *text) {
        if (text[0] < 0x20 || text[0] == 0x7f)
                return 1;
        if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f)
                return 2;
        return 0;
}

char *text_clean(char *text) {
        const unsigned char *from = (const unsigned char *)text;
        char *to = text;

        while (*from) {
                size_t length = control_length(from);

                *to++ = length > 0 ? '?' : (char)*from;
                from += length > 0 ? length : 1;
        }
        *to = '\0';
        return text;
}
