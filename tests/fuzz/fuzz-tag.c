/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The record of whose a link is: text is refused, or what it says is written back as the same bytes.
 */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "model/tag.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(size + 1);
        char again[TAG_SIZE];
        Tag tag;

        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        if (tag_parse(text, &tag) < 0)
                return 0;
        if (strcmp(tag_format(&tag, again), text) != 0)
                abort();
        return 0;
}
